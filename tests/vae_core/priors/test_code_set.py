import numpy as np
import pytest
import torch

from vae_core.errors import DataError
from vae_core.priors.code_prior_config import CodePriorConfig
from vae_core.priors.code_set import CodeBatches, CodeSet, independent_nll, place_codes, split_codes

CONFIG = CodePriorConfig(grid=(2, 3), codebook_size=5)


def numbered(n: int) -> CodeSet:
    """Codes that say which image they are of."""
    return CodeSet(torch.arange(n, dtype=torch.int32).view(n, 1, 1).expand(n, 2, 3).contiguous())


@pytest.mark.parametrize(("size", "dtype"), [(5, torch.int16), (2**15, torch.int16), (2**15 + 1, torch.int32)])
def test_codes_lie_on_the_device_in_the_smallest_type_that_holds_them(size, dtype):
    codes = np.full((4, 2, 3), size - 1, dtype=np.uint16)
    placed = place_codes("here", codes, CONFIG.model_copy(update={"codebook_size": size}), "cpu")
    assert placed.codes.dtype == dtype
    assert placed.rows(torch.tensor([2])).tolist() == [[[size - 1] * 3] * 2]


def test_an_epoch_shows_every_image_once_and_the_next_one_in_another_order():
    batches = CodeBatches(numbered(20), batch_size=5, seed=1)
    first, second = ([batches.take(epoch * 4 + step)[:, 0, 0].tolist() for step in range(4)] for epoch in (0, 1))
    assert sorted(sum(first, [])) == sorted(sum(second, [])) == list(range(20))
    assert first != second
    assert CodeBatches(numbered(20), batch_size=5, seed=1).take(6)[:, 0, 0].tolist() == second[2]


def test_a_batch_is_never_larger_than_the_set():
    assert CodeBatches(numbered(3), batch_size=5, seed=1).take(0).shape == (3, 2, 3)


@pytest.mark.parametrize(("n", "share", "held"), [(100, 0.05, 5), (2, 0.01, 1), (3, 0.99, 2), (8000, 0.5, 2000)])
def test_every_image_is_either_fitted_or_held_out(n, share, held):
    fitted, held_out = split_codes(numbered(n), share, seed=4)
    assert len(held_out) == held
    together = torch.cat([fitted.codes, held_out.codes])[:, 0, 0].tolist()
    assert sorted(together) == list(range(n))


def test_the_images_of_a_step_are_known_by_the_rows_that_the_caller_gave():
    fitted, _ = split_codes(numbered(30), 0.2, seed=4)
    batches = CodeBatches(fitted, batch_size=5, seed=1)
    # the codes say which image they are of
    assert all(batches.images(step) == tuple(batches.take(step)[:, 0, 0].tolist()) for step in (0, 3, 9))
    whole = CodeBatches(numbered(20), batch_size=5, seed=1)
    assert whole.images(2) == tuple(whole.take(2)[:, 0, 0].tolist())


def test_one_image_cannot_be_split():
    with pytest.raises(DataError, match="at least 2 images"):
        split_codes(numbered(1), 0.5, seed=0)


def test_the_independent_nll_is_that_of_the_smoothed_frequencies():
    generator = np.random.default_rng(0)
    fitted, held_out = generator.integers(0, 5, (50, 2, 3)), generator.integers(0, 5, (20, 2, 3))
    expected = 0.0
    for row in range(2):
        for column in range(3):
            share = (np.bincount(fitted[:, row, column], minlength=5) + 0.5) / (50 + 2.5)
            expected -= np.log(share[held_out[:, row, column]]).mean()
    found = independent_nll(*(place_codes("here", codes, CONFIG, "cpu") for codes in (fitted, held_out)), 5)
    assert found == pytest.approx(expected, rel=1e-12)
