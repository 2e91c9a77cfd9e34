"""What a VQ-VAE descends on, and what an epoch's codes come to."""

import pytest
import torch

from tests.vae_core.synthetic_images import TINY_VQ, recipe, tiny_vq_vae
from vae_core.errors import DivergenceError
from vae_core.families.build import build_model
from vae_core.families.vq_vae.objective import VqVaeObjective
from vae_core.training.data.batches import Batch
from vae_core.training.health.events import EventKind
from vae_core.training.objectives.objective import LossWeights
from vae_core.training.step import take_step

PLAIN = LossWeights(beta=1.0, free_bits_nats=0.0, warming=False)


def test_a_loss_that_is_not_finite_moves_neither_weights_nor_codes():
    model = tiny_vq_vae().train()
    objective = VqVaeObjective(model, recipe())
    optimiser = torch.optim.Adam(model.parameters())
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    x = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():  # the codes are sound, the decoder is not
        model.decoder[-1].bias.fill_(float("nan"))
    before["decoder.2.bias"].fill_(float("nan"))
    with pytest.raises(DivergenceError, match="squared_error nan"):
        take_step(objective, optimiser, Batch(x, x), torch.Generator(), weights=PLAIN, precision="fp32")
    after = model.state_dict()
    assert all(torch.equal(before[name].nan_to_num(), after[name].nan_to_num()) for name in before)
    assert not objective.counted["usage"].any()


@pytest.mark.parametrize("started", [False, True])
def test_tokens_that_are_not_finite_are_a_divergence_that_moves_nothing(started):
    model = (tiny_vq_vae() if started else build_model(TINY_VQ)).train()
    with torch.no_grad():
        model.encoder[0].bias.fill_(float("inf"))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    x = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.raises(DivergenceError, match="commitment nan"):
        take_step(
            VqVaeObjective(model, recipe()),
            torch.optim.Adam(model.parameters()),
            Batch(x, x),
            torch.Generator(),
            weights=PLAIN,
            precision="fp32",
        )
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_an_epoch_that_leaves_most_codes_unused_is_an_event_and_they_begin_anew():
    model = tiny_vq_vae().train()
    objective = VqVaeObjective(model, recipe())
    optimiser, generator = torch.optim.Adam(model.parameters(), lr=1e-9), torch.Generator().manual_seed(0)
    with torch.no_grad():  # far from every token: 13 of 16 codes are never chosen
        book = model.quantiser.book
        book.codebook[3:], book.sums[3:], book.expire_below = 1e3, 1e3 * book.counts[3:, None], 0.0
    x = torch.rand(32, 1, 8, 8, generator=generator)
    for _ in range(4):
        take_step(objective, optimiser, Batch(x, x), generator, weights=PLAIN, precision="fp32")
    (event,) = objective.end_epoch(4)
    assert event.kind == EventKind.codes_unused and event.codes.codes == 16 and event.codes.used <= 3
    assert "codes used in the epoch < 50%" in event.detail
    for _ in range(4):
        take_step(objective, optimiser, Batch(x, x), generator, weights=PLAIN, precision="fp32")
    assert objective.end_epoch(8) == [] and (model.quantiser.book.codebook < 1e2).all()


def test_while_warming_nothing_is_said_of_unused_codes():
    model = tiny_vq_vae().train()
    objective = VqVaeObjective(model, recipe())
    with torch.no_grad():
        model.quantiser.book.codebook[1:] = 1e3
    warming = LossWeights(beta=0.5, free_bits_nats=0.5, warming=True)
    optimiser, generator = torch.optim.Adam(model.parameters()), torch.Generator().manual_seed(0)
    x = torch.rand(8, 1, 8, 8, generator=generator)
    take_step(objective, optimiser, Batch(x, x), generator, weights=warming, precision="fp32")
    assert objective.end_epoch(1) == []
