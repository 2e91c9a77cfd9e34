import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.vae_core.synthetic_images import boxes
from vae_core.errors import DataError
from vae_core.training.batches import Batches

SHAPE = (1, 8, 8)


def batches(count: int = 10, batch_size: int = 4, seed: int = 0) -> Batches:
    return Batches(boxes(count), SHAPE, batch_size=batch_size, seed=seed, device="cpu")


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 5))
def test_within_an_epoch_no_image_comes_twice(count, batch_size, epoch):
    source = batches(count, batch_size)
    rows = torch.cat([source.indices(epoch * source.steps_per_epoch + i) for i in range(source.steps_per_epoch)])
    assert len(rows) == source.steps_per_epoch * source.batch_size == len(set(rows.tolist()))
    assert source.batch_size == min(batch_size, count) and count - len(rows) < source.batch_size


def test_the_images_left_out_of_an_epoch_are_others_in_the_next():
    source = batches(10, 4)
    seen = {row for step in range(20) for row in source.indices(step).tolist()}
    assert seen == set(range(10))


def test_a_step_has_the_same_images_whatever_was_asked_before():
    source = batches()
    expected = [source.indices(step).tolist() for step in range(8)]
    assert [source.indices(step).tolist() for step in reversed(range(8))] == expected[::-1]
    assert [batches().indices(step).tolist() for step in (5, 0)] == [expected[5], expected[0]]


def test_epochs_and_seeds_are_shuffled_apart():
    orders = [batches(50, 50, seed).indices(epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


def test_images_come_on_the_unit_scale_in_the_order_of_the_rows():
    rows = torch.tensor([3, 0, 3])
    x = batches().images(rows)
    assert x.dtype == torch.float32
    np.testing.assert_allclose(x.numpy(), boxes(10)[rows.numpy()] / 255.0, rtol=1e-6)


def test_images_that_may_not_be_written_are_taken_without_a_warning():
    images = boxes(4)
    images.flags.writeable = False
    Batches(images, SHAPE, batch_size=2, seed=0, device="cpu")


@pytest.mark.parametrize(
    ("images", "came"),
    [
        (boxes(0), r"uint8 \(0, 1, 8, 8\)"),
        (boxes(4) / 255, r"float64 \(4, 1, 8, 8\)"),
        (boxes(4, size=16), r"uint8 \(4, 1, 16, 16\)"),
        (boxes(4)[:, 0], r"uint8 \(4, 8, 8\)"),
    ],
)
def test_images_that_the_model_cannot_take_are_refused(images, came):
    with pytest.raises(DataError, match=rf"expected at least one uint8 image of shape \(N, 1, 8, 8\), came {came}"):
        Batches(images, SHAPE, batch_size=2, seed=0, device="cpu")
