import pytest
import torch

from tests.vae_core.two_ranks import run_on_two
from vae_core.families.vq_vae.quantisers.codebook import EmaCodebook, GradientCodebook
from vae_core.families.vq_vae.quantisers.codebook_start import KMeans
from vae_core.families.vq_vae.quantisers.nearest import nearest_codes
from vae_core.ranks import ALONE, Ranks

CODES, DIM, DECAY = 12, 5, 0.9


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _started(kind=EmaCodebook, *, expire_below: float = 0.0):
    book = kind(CODES, DIM, decay=DECAY, expire_below=expire_below)
    centres = torch.randn(CODES, DIM, generator=_generator(1))
    book.fill(KMeans(centres, torch.arange(1.0, CODES + 1), torch.zeros(1)))
    return book


def _follow(book, tokens: torch.Tensor, ranks: Ranks = ALONE, seed: int = 0) -> None:
    book.follow(tokens, nearest_codes(tokens, book.codebook.detach()), _generator(seed), ranks)


def test_averages_equal_a_one_hot_reference_in_float64():
    book = _started()
    counts, sums = book.counts.double(), book.sums.double()
    for step in range(30):
        tokens = torch.randn(90, DIM, generator=_generator(100 + step))
        one_hot = torch.nn.functional.one_hot(nearest_codes(tokens, book.codebook), CODES).double()
        counts = DECAY * counts + (1 - DECAY) * one_hot.sum(0)
        sums = DECAY * sums + (1 - DECAY) * one_hot.T @ tokens.double()
        _follow(book, tokens)
        torch.testing.assert_close(book.counts.double(), counts, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(book.sums.double(), sums, rtol=1e-6, atol=1e-5)
        torch.testing.assert_close(book.codebook.double(), sums / counts[:, None], rtol=1e-5, atol=1e-6)


def test_a_code_that_nobody_chooses_stays_where_it_is():
    book = _started()
    before = book.codebook.clone()
    tokens = before[:1].repeat(50, 1)
    for _ in range(300):  # 0.9^300 is below the smallest count
        _follow(book, tokens)
    torch.testing.assert_close(book.codebook, before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
def test_exactly_the_dead_begin_anew_and_each_on_a_token_of_its_own(kind):
    book, below = _started(kind, expire_below=0.5), 0.5
    before = book.codebook.detach().clone()
    tokens = torch.randn(200, DIM, generator=_generator(5)) + before[-1]
    indices = nearest_codes(tokens, before)
    expected = DECAY * book.counts + (1 - DECAY) * torch.bincount(indices, minlength=CODES)
    dead = expected < below * expected.mean()
    still = _started(kind)  # the same batch without expiry
    _follow(still, tokens)
    _follow(book, tokens)

    assert 2 <= dead.sum() < CODES
    codes = book.codebook.detach()
    assert torch.equal(codes[~dead], still.codebook.detach()[~dead]) and torch.equal(
        book.counts[~dead], still.counts[~dead]
    )
    placed = [(tokens == code).all(1).nonzero().flatten().tolist() for code in codes[dead]]
    assert all(len(rows) == 1 for rows in placed)
    assert len({rows[0] for rows in placed}) == int(dead.sum())
    torch.testing.assert_close(book.counts[dead], (below * expected.mean()).expand(int(dead.sum())))


def test_a_code_begun_anew_keeps_its_place_if_it_is_chosen_as_often_as_others():
    book = _started(expire_below=0.5)
    tokens = torch.randn(200, DIM, generator=_generator(5)) + book.codebook[-1]
    _follow(book, tokens)
    torch.testing.assert_close(book.sums, book.codebook * book.counts[:, None], rtol=1e-5, atol=1e-6)


def test_tokens_that_are_already_rendered_are_not_drawn():
    book = _started(expire_below=0.5)
    book.codebook[0] = 0
    tokens = torch.cat([torch.zeros(500, DIM), torch.full((1, DIM), 50.0) * torch.arange(1, 9)[:, None]])
    book.follow(tokens, torch.zeros(508, dtype=torch.int64), _generator(), Ranks())
    drawn = (book.codebook[:, None] == tokens[None, 500:]).all(2).any(0)
    # counts were 1 to 12: 0.9 times 2 to 5 is below half of the mean, (50.8 + 0.9 * 78) / 12 = 10.1
    assert drawn.sum() == 4, "each of the 4 dead took one of the 8 tokens away from the 500"


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_tokens_that_are_not_finite_move_nothing(kind, value):
    book = _started(kind, expire_below=0.5)
    before = {name: tensor.clone() for name, tensor in book.state_dict().items()}
    tokens = torch.zeros(20, DIM)
    tokens[4, 2] = value
    book.follow(tokens, torch.zeros(20, dtype=torch.int64), _generator(), ALONE)
    assert all(torch.equal(before[name], tensor) for name, tensor in book.state_dict().items())


def test_the_codebook_loss_pulls_codes_and_leaves_tokens_alone():
    book = _started(GradientCodebook)
    tokens = torch.randn(30, DIM, generator=_generator(), requires_grad=True)
    indices = nearest_codes(tokens.detach(), book.codebook.detach())
    loss = book.pull(tokens, indices)
    loss.backward()
    assert tokens.grad is None
    expected = torch.zeros(CODES, DIM)
    for token, code in zip(tokens.detach(), indices, strict=True):
        expected[code] += 2 * (book.codebook.detach()[code] - token) / tokens.numel()
    torch.testing.assert_close(book.codebook.grad, expected)


def test_averages_have_no_codebook_loss():
    assert _started().pull(torch.ones(3, DIM), torch.zeros(3, dtype=torch.int64)) == 0


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
def test_two_ranks_move_the_codebook_as_one_process_with_all_the_tokens(kind):
    batches = torch.randn(5, 2, 60, DIM, generator=_generator(3)) + 0.5
    alone = _started(kind, expire_below=0.6)
    for step, batch in enumerate(batches):
        _follow(alone, batch.reshape(-1, DIM), seed=step)

    def work(ranks: Ranks):
        book = _started(kind, expire_below=0.6)
        for step, batch in enumerate(batches):
            _follow(book, batch[ranks.rank], ranks, seed=step)
        return book.state_dict()

    one, two = run_on_two(work)
    assert all(torch.equal(one[name], two[name]) for name in one), "bitwise equal across ranks"
    for name, tensor in alone.state_dict().items():
        torch.testing.assert_close(one[name], tensor, rtol=1e-5, atol=1e-5)
