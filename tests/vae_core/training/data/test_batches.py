import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.vae_core.synthetic_images import boxes
from vae_core.errors import DataError
from vae_core.ranks import ALONE, Ranks
from vae_core.training.data.batches import Batches, Pairs

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
    source = batches()
    batch, rows = source.take(3), source.indices(3).numpy()
    assert batch.target.dtype == torch.float32 and batch.seen is batch.target
    np.testing.assert_allclose(batch.target.numpy(), boxes(10)[rows] / 255.0, rtol=1e-6)


def test_a_mapped_file_gives_the_batches_of_the_same_images_in_memory(tmp_path):
    np.save(tmp_path / "images.npy", boxes(10))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    whole, read = batches(), Batches(mapped, SHAPE, batch_size=4, seed=0, device="cpu")
    for step in (0, 1, 2, 3, 9, 4, 4, 5):  # in order, and not
        assert torch.equal(read.take(step).target, whole.take(step).target)


def some_pairs(count: int = 6, share: float = 0.25) -> Pairs:
    return Pairs(np.full((count, *SHAPE), 50, np.uint8), np.full((count, *SHAPE), 200, np.uint8), share)


def test_pairs_take_their_share_of_every_batch_and_the_rest_is_as_it_was():
    plain = batches(40, 8)
    paired = Batches(boxes(40), SHAPE, batch_size=8, seed=0, device="cpu", pairs=some_pairs())
    for step in range(7):
        batch, rest = paired.take(step), plain.take(step).target
        assert torch.equal(batch.target[:6], rest[:6]) and torch.equal(batch.seen[:6], rest[:6])
        assert (batch.seen[6:] == 50 / 255).all() and (batch.target[6:] == 200 / 255).all()


def test_a_step_has_the_same_pairs_whatever_was_asked_before_and_inputs_stay_with_their_targets():
    inputs = np.arange(6, dtype=np.uint8).repeat(64).reshape(6, *SHAPE)

    def take(step):
        pairs = Pairs(inputs, inputs + 100, 0.5)
        return Batches(boxes(40), SHAPE, batch_size=8, seed=0, device="cpu", pairs=pairs).take(step)

    once, again, other = take(3), take(3), take(4)
    assert torch.equal(once.seen, again.seen)
    assert not torch.equal(once.seen[4:], other.seen[4:])
    torch.testing.assert_close(once.target[4:] - once.seen[4:], torch.full((4, *SHAPE), 100 / 255))


def test_two_ranks_take_the_halves_of_a_batch_pairs_included():
    def take(ranks):
        source = Batches(boxes(40), SHAPE, batch_size=8, seed=0, device="cpu", pairs=some_pairs(), ranks=ranks)
        return source.take(2)

    whole, halves = take(ALONE), [take(Ranks(rank, 2, lambda tensor: tensor)) for rank in (0, 1)]
    assert torch.equal(torch.cat([half.seen for half in halves]), whole.seen)
    assert torch.equal(torch.cat([half.target for half in halves]), whole.target)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (Pairs(boxes(3), boxes(2)), "as many inputs as targets .* came 3, 2 and 0.05"),
        (Pairs(boxes(3), boxes(3), share=0.9), "came 3, 3 and 0.9"),
        (Pairs(boxes(3, size=16), boxes(3)), "inputs of pairs: expected at least one uint8 image"),
        (Pairs(boxes(3), boxes(3) / 255), "targets of pairs: expected at least one uint8 image"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(pairs, message):
    with pytest.raises(DataError, match=message):
        Batches(boxes(40), SHAPE, batch_size=8, seed=0, device="cpu", pairs=pairs)


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
