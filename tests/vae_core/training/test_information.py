import math

import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.evaluation.mutual_information import measure_mutual_information
from vae_core.models.build import build_model
from vae_core.preprocessing import to_unit
from vae_core.training.information import measure_information
from vae_core.training.loop import train

HELD_OUT = boxes(60, seed=9)


def run(**changes):
    config = recipe(200, kl_warmup_share=0.1, learning_rate=3e-3, **changes)
    return train(boxes(100), TINY, config, clock=lambda: 0.0, checkpoint_folder=None, held_out=HELD_OUT)


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
