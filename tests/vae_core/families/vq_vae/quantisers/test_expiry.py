"""Codes that nobody chooses begin anew at tokens that are badly rendered, each at one of its own."""

import pytest
import torch

from tests.vae_core.families.vq_vae.quantisers.started_codebook import CODES, DECAY, DIM, follow, generator, started
from vae_core.families.vq_vae.quantisers.codebook import EmaCodebook, GradientCodebook
from vae_core.families.vq_vae.quantisers.expiry import draw_substitutes, find_dead
from vae_core.families.vq_vae.quantisers.nearest import nearest_codes
from vae_core.ranks import ALONE, Ranks


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
def test_exactly_the_dead_begin_anew_and_each_on_a_token_of_its_own(kind):
    book, below = started(kind, expire_below=0.5), 0.5
    before = book.codebook.detach().clone()
    tokens = torch.randn(200, DIM, generator=generator(5)) + before[-1]
    indices = nearest_codes(tokens, before)
    expected = DECAY * book.counts + (1 - DECAY) * torch.bincount(indices, minlength=CODES)
    dead = expected < below * expected.mean()
    still = started(kind)  # the same batch without expiry
    follow(still, tokens)
    follow(book, tokens)

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
    book = started(expire_below=0.5)
    tokens = torch.randn(200, DIM, generator=generator(5)) + book.codebook[-1]
    follow(book, tokens)
    torch.testing.assert_close(book.sums, book.codebook * book.counts[:, None], rtol=1e-5, atol=1e-6)


def test_tokens_that_are_already_rendered_are_not_drawn():
    book = started(expire_below=0.5)
    book.codebook[0] = 0
    tokens = torch.cat([torch.zeros(500, DIM), torch.full((1, DIM), 50.0) * torch.arange(1, 9)[:, None]])
    book.follow(tokens, torch.zeros(508, dtype=torch.int64), generator(), Ranks())
    drawn = (book.codebook[:, None] == tokens[None, 500:]).all(2).any(0)
    # counts were 1 to 12: 0.9 times 2 to 5 is below half of the mean, (50.8 + 0.9 * 78) / 12 = 10.1
    assert drawn.sum() == 4, "each of the 4 dead took one of the 8 tokens away from the 500"


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e6])
def test_a_code_is_dead_by_its_share_of_an_even_use_whatever_the_number_of_tokens(scale):
    counts = scale * torch.tensor([0.0, 1.0, 2.0, 5.0])  # an even use is 2
    assert find_dead(counts, 0.49).tolist() == [True, False, False, False]
    assert find_dead(counts, 0.51).tolist() == [True, True, False, False]
    assert not find_dead(counts, 0.0).any()


def test_where_none_is_dead_nothing_is_drawn():
    tokens, random = torch.randn(20, DIM, generator=generator()), generator(7)
    before = random.get_state()
    alive, places = torch.zeros(CODES, dtype=torch.bool), torch.zeros(20, dtype=torch.int64)
    assert draw_substitutes(alive, tokens, torch.zeros(CODES, DIM), places, random, ALONE) is None
    assert torch.equal(random.get_state(), before)
