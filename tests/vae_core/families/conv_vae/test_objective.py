"""What a VAE descends on: whole targets from whatever the encoder may see."""

import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.families.build import build_model
from vae_core.families.conv_vae.objective import VaeObjective
from vae_core.images.preprocessing import to_unit
from vae_core.losses import kl_divergence
from vae_core.training.data.batches import Batch
from vae_core.training.data.masking import mask_patches
from vae_core.training.objectives.objective import LossWeights

X = to_unit(boxes(16))
BATCH = Batch(X, X)
PLAIN = LossWeights(beta=1.0, free_bits_nats=0.0, warming=False)


def measure(model, seed=0, **changes):
    objective = VaeObjective(model, recipe(**changes))
    return objective.measure(BATCH, torch.Generator().manual_seed(seed), PLAIN, "fp32")


@pytest.mark.parametrize("patch_px", [1, 2])
def test_the_encoder_sees_holes_and_the_target_is_whole(patch_px):
    model, seen = build_model(TINY), []
    model.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    terms = measure(model, mask_share=0.2, mask_patch_px=patch_px)
    generator = torch.Generator().manual_seed(0)
    masked = mask_patches(X, 0.2, patch_px, generator)
    assert torch.equal(seen[0], masked) and not torch.equal(masked, X)
    output = model(masked, generator)
    assert terms.told["nll"] == model.nll(output.logits, X).mean()
    assert torch.equal(terms.told["kl_dims"], kl_divergence(*output.posterior).mean(0))


@pytest.mark.parametrize("changes", [{"mask_share": 0.2}, {"encoder_dropout": 0.2}])
def test_holes_and_dropout_are_those_of_the_generator(changes):
    one, same, other = (measure(build_model(TINY), seed, **changes).loss for seed in (0, 0, 1))
    assert one == same != other
    assert one != measure(build_model(TINY)).loss


def test_the_encoder_sees_the_inputs_of_pairs_and_the_loss_is_that_of_their_targets():
    model, spoilt = build_model(TINY), X.flip(3)
    terms = VaeObjective(model, recipe()).measure(Batch(spoilt, X), torch.Generator().manual_seed(0), PLAIN, "fp32")
    output = model(spoilt, torch.Generator().manual_seed(0))
    assert terms.told["nll"] == model.nll(output.logits, X).mean()
    assert torch.equal(terms.told["kl_dims"], kl_divergence(*output.posterior).mean(0))


def test_without_them_nothing_but_the_noise_is_drawn():
    generator, reference = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    VaeObjective(build_model(TINY), recipe()).measure(BATCH, generator, PLAIN, "fp32")
    torch.randn((16, 4), generator=reference)
    assert torch.equal(generator.get_state(), reference.get_state())


def test_a_batch_s_variance_is_kept_when_the_step_was_accepted_and_not_before():
    model = build_model(TINY.model_copy(update={"likelihood": "gaussian"}))
    objective = VaeObjective(model, recipe())
    terms = objective.measure(BATCH, torch.Generator().manual_seed(0), PLAIN, "fp32")
    assert model.likelihood.batches == 0
    objective.accept(terms)
    assert model.likelihood.batches == 1 and model.likelihood.variance == terms.pending["scale"]


def test_a_report_sums_the_kl_and_counts_the_active_dimensions():
    objective = VaeObjective(build_model(TINY), recipe())
    means = {"nll": torch.tensor([7.0]), "kl_dims": torch.tensor([0.5, 0.0, 0.25, 0.009])}
    figures = objective.summarise(means)
    assert (figures.nll, figures.active_dims) == (7.0, 2) and figures.kl == pytest.approx(0.759)
    assert objective.sizes == {"nll": 1, "kl_dims": 4}
