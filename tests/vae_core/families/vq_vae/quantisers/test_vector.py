import copy

import pytest
import torch

from vae_core.errors import DataError
from vae_core.families.vq_vae.quantisers.codebook import EmaCodebook, GradientCodebook
from vae_core.families.vq_vae.quantisers.quantised import Quantised
from vae_core.families.vq_vae.quantisers.vector import VectorQuantiser

CODES, DIM = 8, 3


def _quantiser(kind=EmaCodebook, gradient="straight_through") -> VectorQuantiser:
    return VectorQuantiser(kind(CODES, DIM, decay=0.9, expire_below=0.2), gradient).train()


def _step(quantiser: VectorQuantiser, z_e: torch.Tensor, generator: torch.Generator) -> Quantised:
    """Quantise in train mode and let the codes follow, as a step of training does."""
    found = quantiser.quantise(z_e, generator)
    quantiser.follow(z_e, found.indices, generator)
    return found


def _grid(seed: int = 0, batch: int = 5) -> torch.Tensor:
    return torch.randn(batch, DIM, 4, 2, generator=torch.Generator().manual_seed(seed))


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _state(quantiser: VectorQuantiser) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in quantiser.state_dict().items()}


def _same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
def test_every_vector_of_the_grid_becomes_its_nearest_code(kind):
    quantiser, z_e = _quantiser(kind), _grid()
    quantiser.quantise(z_e, _generator())
    found = quantiser.eval().quantise(z_e, None)
    assert found.z_q.shape == z_e.shape and found.indices.shape == (5, 4, 2)
    codebook = quantiser.book.codebook.detach()
    for place in ((0, 0, 0), (2, 3, 1), (4, 1, 0)):
        image, row, column = place
        distances = (codebook - z_e[image, :, row, column]).norm(dim=1)
        assert found.indices[place] == distances.argmin()
        assert torch.equal(found.z_q[image, :, row, column], codebook[distances.argmin()])
    torch.testing.assert_close(found.commitment, (z_e - found.z_q).square().mean())
    assert torch.equal(quantiser.look_up(found.indices), found.z_q)


def test_the_first_batch_in_train_mode_starts_the_codebook_and_only_the_first():
    quantiser = _quantiser()
    assert not quantiser.started
    quantiser.quantise(_grid(), _generator())
    assert quantiser.started and len(quantiser.book.codebook.unique(dim=0)) == CODES
    before = quantiser.book.codebook.clone()
    _step(quantiser, _grid() + 100, _generator())
    # one step of decay 0.9 from old tokens to new ones, or the place of a new token; k-means would sit at 100
    assert (quantiser.book.codebook - before).abs().min() < 50


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
@pytest.mark.parametrize("started", [False, True])
def test_in_eval_mode_nothing_moves_and_in_train_mode_only_what_follows(kind, started):
    quantiser = _quantiser(kind)
    if started:
        _step(quantiser, _grid(), _generator())
    before = _state(quantiser)
    quantiser.eval().quantise(_grid(1), _generator())
    assert _same(_state(quantiser), before)
    if started:
        found = quantiser.train().quantise(_grid(2), _generator())
        assert _same(_state(quantiser), before)
        quantiser.follow(_grid(2), found.indices, _generator())
        assert not _same(_state(quantiser), before)


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
@pytest.mark.parametrize("expire_below", [0.0, 0.2])
def test_a_retired_code_begins_anew_at_a_token_and_the_others_go_on(kind, expire_below):
    quantiser, generator = _quantiser(kind), _generator()
    _step(quantiser, _grid(batch=40), generator)
    quantiser.book.expire_below = expire_below
    before, far = quantiser.book.codebook.detach().clone(), _grid(1, batch=40)
    quantiser.book.codebook.data[2] = 50.0  # no token chooses it
    quantiser.retire(torch.arange(CODES) == 2)
    _step(quantiser, far, generator)
    after = quantiser.book.codebook.detach()
    tokens = far.permute(0, 2, 3, 1).reshape(-1, DIM)
    assert (tokens == after[2]).all(1).any()
    others = torch.arange(CODES) != 2
    assert (after[others] - before[others]).norm(dim=1).max() < 1 and (quantiser.book.counts >= 0).all()


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_a_retired_code_that_tokens_still_choose_goes_to_one_token_and_not_beyond(kind, decay):
    quantiser, generator = _quantiser(kind), _generator()
    _step(quantiser, _grid(batch=40), generator)
    quantiser.book.decay, quantiser.book.expire_below = decay, 0.0
    quantiser.retire(torch.ones(CODES, dtype=torch.bool))
    tokens = _grid(1, batch=40)
    _step(quantiser, tokens, generator)
    rows = tokens.permute(0, 2, 3, 1).reshape(-1, DIM)
    assert all((rows == code).all(1).any() for code in quantiser.book.codebook.detach())


def test_more_batches_at_the_start_count_as_one():
    tokens, once, twice = _grid(batch=40).permute(0, 2, 3, 1).reshape(-1, DIM), _quantiser(), _quantiser()
    once.start(tokens, _generator())
    twice.start(tokens, _generator(), batches=2)
    torch.testing.assert_close(twice.book.counts * 2, once.book.counts)
    torch.testing.assert_close(twice.book.sums * 2, once.book.sums)
    assert torch.equal(twice.book.codebook, once.book.codebook)


def test_codes_that_keep_their_places_move_by_their_own_decay_and_never_expire():
    quantiser, generator = _quantiser(), _generator()
    _step(quantiser, _grid(batch=40), generator)
    before = quantiser.book.codebook.clone()
    quantiser.keep_codes(0.999)
    for seed in range(20):
        _step(quantiser, _grid(seed, batch=40) * 0.1, generator)  # most codes are chosen by none of these
    moved = (quantiser.book.codebook - before).norm(dim=1)
    assert 0 < moved.max() < 0.1


def test_its_own_decay_says_how_far_a_batch_moves_it():
    slow, fast = _quantiser(), _quantiser()
    for each in (slow, fast):
        _step(each, _grid(), _generator())
    slow.book.decay, fast.book.decay = 1.0, 0.5
    before = slow.book.codebook.clone()
    for each in (slow, fast):
        each.book.expire_below = 0.0
        _step(each, _grid(1), _generator())
    torch.testing.assert_close(slow.book.codebook, before, rtol=1e-5, atol=1e-6)
    assert (fast.book.codebook - before).abs().max() > 0.1


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
@pytest.mark.parametrize("gradient", ["straight_through", "rotation"])
def test_commitment_moves_the_encoder_and_never_the_codes(kind, gradient):
    quantiser = _quantiser(kind, gradient)
    z_e = _grid().requires_grad_()
    found = quantiser.quantise(z_e, _generator())
    found.commitment.backward(retain_graph=True)
    torch.testing.assert_close(z_e.grad, 2 * (z_e.detach() - found.z_q.detach()) / z_e.numel())
    assert all(parameter.grad is None for parameter in quantiser.parameters())


@pytest.mark.parametrize("kind", [EmaCodebook, GradientCodebook])
def test_a_state_dict_goes_on_bit_for_bit(kind):
    quantiser, generator = _quantiser(kind), _generator()
    for seed in range(3):
        _step(quantiser, _grid(seed), generator)
    restored = _quantiser(kind)
    restored.load_state_dict(_state(quantiser))
    resumed = torch.Generator()
    resumed.set_state(generator.get_state())
    for seed in range(3, 6):
        one, other = _step(quantiser, _grid(seed), generator), _step(restored, _grid(seed), resumed)
        assert torch.equal(one.indices, other.indices) and torch.equal(one.z_q, other.z_q)
    assert _same(_state(quantiser), _state(restored))


def test_a_state_from_before_the_start_starts_again():
    quantiser = _quantiser()
    fresh = _state(quantiser)
    quantiser.quantise(_grid(), _generator())
    first = _state(quantiser)
    quantiser.load_state_dict(fresh)
    quantiser.quantise(_grid(), _generator())
    assert _same(_state(quantiser), first)
    copied = copy.deepcopy(quantiser)
    copied.begin()
    assert not copied.started and quantiser.started and copied.book.codebook.abs().max() == 0


def test_under_autocast_buffers_and_codes_are_float32():
    quantiser = _quantiser()
    with torch.autocast("cpu", torch.bfloat16):
        found = quantiser.quantise(_grid().bfloat16(), _generator())
    exact = _quantiser()
    exact.quantise(_grid().bfloat16().float(), _generator())
    assert found.z_q.dtype == found.commitment.dtype == torch.float32
    assert _same(_state(quantiser), _state(exact))


def test_what_cannot_be_quantised_is_named():
    quantiser = _quantiser()
    with pytest.raises(DataError, match="8 tokens for 8 codes, came 7"):
        quantiser.quantise(torch.zeros(7, DIM, 1, 1), _generator())
    with pytest.raises(DataError, match="came no generator to begin with; give one, or eval"):
        quantiser.quantise(_grid(), None)
    quantiser.quantise(_grid(), _generator())
    before = _state(quantiser)
    broken = torch.full((2, DIM, 1, 1), float("nan"))
    with pytest.raises(DataError, match="NaN or infinite"):
        quantiser.eval().quantise(broken, None)
    assert quantiser.train().quantise(broken, _generator()).commitment.isnan()
    with pytest.raises(DataError, match=r"expected a grid \(B, 3, h, w\), came \(2, 4, 1, 1\)"):
        quantiser.quantise(torch.zeros(2, 4, 1, 1), _generator())
    with pytest.raises(DataError, match="indices of 8 codes, 0 to 7, came -1 to 3"):
        quantiser.look_up(torch.tensor([[[-1, 3]]]))
    with pytest.raises(DataError, match="expected int64"):
        quantiser.look_up(torch.zeros(1, 2, 2))
    assert _same(_state(quantiser), before)
