"""Codes that follow their tokens, by averages or by a gradient."""

import pytest
import torch

from tests.vae_core.families.vq_vae.quantisers.started_codebook import CODES, DECAY, DIM, follow, generator, started
from tests.vae_core.two_ranks import run_on_two
from vae_core.families.vq_vae.quantisers.codebook import EmaCodebook, GradientCodebook
from vae_core.families.vq_vae.quantisers.nearest import nearest_codes
from vae_core.ranks import ALONE, Ranks


def test_averages_equal_a_one_hot_reference_in_float64():
    book = started()
    counts, sums = book.counts.double(), book.sums.double()
    for step in range(30):
        tokens = torch.randn(90, DIM, generator=generator(100 + step))
        one_hot = torch.nn.functional.one_hot(nearest_codes(tokens, book.codebook), CODES).double()
        counts = DECAY * counts + (1 - DECAY) * one_hot.sum(0)
        sums = DECAY * sums + (1 - DECAY) * one_hot.T @ tokens.double()
        follow(book, tokens)
        torch.testing.assert_close(book.counts.double(), counts, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(book.sums.double(), sums, rtol=1e-6, atol=1e-5)
        torch.testing.assert_close(book.codebook.double(), sums / counts[:, None], rtol=1e-5, atol=1e-6)


def test_a_code_that_nobody_chooses_stays_where_it_is():
    book = started()
    before = book.codebook.clone()
    tokens = before[:1].repeat(50, 1)
    for _ in range(300):  # 0.9^300 is below the smallest count
        follow(book, tokens)
    torch.testing.assert_close(book.codebook, before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_tokens_that_are_not_finite_move_nothing(kind, value):
    book = started(kind, expire_below=0.5)
    before = {name: tensor.clone() for name, tensor in book.state_dict().items()}
    tokens = torch.zeros(20, DIM)
    tokens[4, 2] = value
    book.follow(tokens, torch.zeros(20, dtype=torch.int64), generator(), ALONE)
    assert all(torch.equal(before[name], tensor) for name, tensor in book.state_dict().items())


def test_the_codebook_loss_pulls_codes_and_leaves_tokens_alone():
    book = started(GradientCodebook)
    tokens = torch.randn(30, DIM, generator=generator(), requires_grad=True)
    indices = nearest_codes(tokens.detach(), book.codebook.detach())
    loss = book.pull(tokens, indices)
    loss.backward()
    assert tokens.grad is None
    expected = torch.zeros(CODES, DIM)
    for token, code in zip(tokens.detach(), indices, strict=True):
        expected[code] += 2 * (book.codebook.detach()[code] - token) / tokens.numel()
    torch.testing.assert_close(book.codebook.grad, expected)


def test_averages_have_no_codebook_loss():
    assert started().pull(torch.ones(3, DIM), torch.zeros(3, dtype=torch.int64)) == 0


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
def test_two_ranks_move_the_codebook_as_one_process_with_all_the_tokens(kind):
    batches = torch.randn(5, 2, 60, DIM, generator=generator(3)) + 0.5
    alone = started(kind, expire_below=0.6)
    for step, batch in enumerate(batches):
        follow(alone, batch.reshape(-1, DIM), seed=step)

    def work(ranks: Ranks):
        book = started(kind, expire_below=0.6)
        for step, batch in enumerate(batches):
            follow(book, batch[ranks.rank], ranks, seed=step)
        return book.state_dict()

    one, two = run_on_two(work)
    assert all(torch.equal(one[name], two[name]) for name in one), "bitwise equal across ranks"
    for name, tensor in alone.state_dict().items():
        torch.testing.assert_close(one[name], tensor, rtol=1e-5, atol=1e-5)
