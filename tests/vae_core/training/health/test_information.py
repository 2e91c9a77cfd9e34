import math

import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.errors import DataError
from vae_core.evaluation.likelihood.mutual_information import measure_mutual_information
from vae_core.families.build import build_model
from vae_core.images.preprocessing import to_unit
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.information import measure_information
from vae_core.training.loop import train

HELD_OUT = boxes(60, seed=9)


def run(steps=200, held_out=HELD_OUT, inspected=None, folder=None, **changes):
    config = recipe(steps, kl_warmup_share=0.1, learning_rate=3e-3, **changes)
    return train(
        TrainingData(boxes(100), held_out=held_out, inspected=inspected), TINY, config, Execution(lambda: 0.0, folder)
    )


def test_the_bounds_are_taken_every_so_many_steps_over_all_held_out_images():
    points = run(mutual_information_every_steps=50, beta=0.05).information
    assert [each.step for each in points] == [50, 100, 150, 200]
    assert all(each.n == 60 and each.lower <= math.log(60) for each in points)
    assert points[-1].upper > points[-1].lower > 1 > points[0].lower  # the codes have learned something


def test_measuring_moves_no_weight_and_is_off_by_default():
    one, other = run(mutual_information_every_steps=5), run()
    assert other.information == ()
    theirs = other.model.state_dict()
    assert all(torch.equal(each, theirs[name]) for name, each in one.model.state_dict().items())


def test_it_is_the_bound_of_the_evaluation():
    model, x = build_model(TINY).eval(), to_unit(HELD_OUT)
    point = measure_information(model, [x[:25], x[25:]], step=3, seed=5)
    with torch.no_grad():
        found = measure_mutual_information(model.encode(x), torch.Generator().manual_seed(0))
    assert point.upper == pytest.approx(found.upper.mean, rel=1e-5) and (point.step, point.n) == (3, 60)
    assert point.lower == pytest.approx(found.lower.mean, abs=5 * found.lower.half_width)  # other draws of z
    assert point == measure_information(model, [x[:25], x[25:]], step=3, seed=5)


def test_the_last_weights_are_looked_at_too_and_once_only(tmp_path):
    result = run(40, folder=tmp_path, mutual_information_every_steps=15)
    assert [each.step for each in result.information] == [15, 30, 40]
    assert run(40, folder=tmp_path, mutual_information_every_steps=15).information == result.information
    assert [each.step for each in run(40, mutual_information_every_steps=20).information] == [20, 40]


def test_images_that_are_inspected_choose_no_weights_and_end_nothing():
    inspected = boxes(45, seed=10)
    one = run(60, held_out=None, inspected=inspected, mutual_information_every_steps=20, snapshots=2)
    other = run(60, held_out=None, snapshots=2)
    assert [each.n for each in one.information] == [45, 45, 45]
    assert (one.best_step, one.held_out_curve, one.stop_reason) == (None, (), other.stop_reason)
    assert [each.kl for each in one.snapshots] == [each.kl for each in other.snapshots]
    theirs = other.model.state_dict()
    assert all(torch.equal(each, theirs[name]) for name, each in one.model.state_dict().items())


def test_where_both_are_given_the_bounds_are_of_the_inspected_and_the_weights_by_the_held_out():
    inspected = boxes(45, seed=10)
    one, other = (run(60, inspected=each, mutual_information_every_steps=30) for each in (inspected, None))
    assert [each.n for each in one.information] == [45, 45] and [each.n for each in other.information] == [60, 60]
    assert one.held_out_curve == other.held_out_curve and one.best_step == other.best_step


def test_inspected_images_of_another_shape_are_refused_by_their_name():
    with pytest.raises(DataError, match="train: inspected"):
        run(5, inspected=boxes(4, size=16), mutual_information_every_steps=5)
