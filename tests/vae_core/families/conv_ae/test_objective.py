import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.families.build import build_model
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_ae.objective import AeObjective
from vae_core.families.registry import family_of
from vae_core.images.preprocessing import to_unit
from vae_core.ranks import ALONE
from vae_core.training.data.batches import Batch
from vae_core.training.data.masking import mask_patches
from vae_core.training.objectives.objective import LossWeights

X = to_unit(boxes(16))
BATCH = Batch(X, X)
PLAIN = LossWeights(beta=1.0, free_bits_nats=0.0, warming=False)


def build(likelihood="bernoulli", **changes):
    return build_model(ConvAeConfig(network=TINY.model_copy(update={"likelihood": likelihood}), **changes))


def measure(model, seed=0, batch=BATCH, weights=PLAIN, **changes):
    return AeObjective(model, recipe(**changes)).measure(batch, torch.Generator().manual_seed(seed), weights, "fp32")


@pytest.mark.parametrize("likelihood", ["bernoulli", "logistic"])
def test_the_loss_is_the_mean_nll_at_the_code_whatever_the_kl_s_schedule_says(likelihood):
    model = build(likelihood)
    terms = measure(model)
    assert terms.loss == model.nll(model.decode_logits(model.encode(X)), X).mean()
    assert terms.told.keys() == {"nll"} and terms.told["nll"] == terms.loss
    assert measure(model, weights=LossWeights(beta=100.0, free_bits_nats=9.0, warming=True)).loss == terms.loss


def test_a_gaussian_s_variance_is_the_batch_s_own_and_kept_when_the_step_was_accepted():
    model = build("gaussian")
    objective = AeObjective(model, recipe())
    terms = objective.measure(BATCH, torch.Generator(), PLAIN, "fp32")
    squares = (model.decode(model.encode(X)) - X).square().detach()
    # the maximum likelihood of a Gaussian, in closed form
    expected = 32 * (torch.log(2 * torch.pi * squares.mean()) + 1)
    torch.testing.assert_close(terms.loss.detach(), expected)
    assert model.likelihood.batches == 0
    objective.accept(terms)
    assert model.likelihood.batches == 1 and model.likelihood.variance == terms.pending["scale"]
    torch.testing.assert_close(model.likelihood.variance, squares.mean())


def test_the_penalty_is_half_the_squared_length_of_the_code_and_not_told():
    plain, penalised = build(), build(code_penalty=0.5)
    length = plain.encode(X).square().sum(1).mean()
    terms = measure(penalised)
    torch.testing.assert_close(terms.loss, measure(plain).loss + 0.25 * length)
    assert terms.told["nll"] == measure(plain).loss


def test_the_encoder_sees_holes_or_the_inputs_of_pairs_and_the_target_is_whole():
    model = build()
    masked = mask_patches(X, 0.2, 2, torch.Generator().manual_seed(0))
    expected = model.nll(model(masked).logits, X).mean()
    assert measure(model, mask_share=0.2, mask_patch_px=2).loss == expected != measure(model).loss
    spoilt = X.flip(3)
    assert measure(model, batch=Batch(spoilt, X)).loss == model.nll(model(spoilt).logits, X).mean()


@pytest.mark.parametrize("changes", [{"mask_share": 0.2}, {"encoder_dropout": 0.2}])
def test_holes_and_dropout_are_those_of_the_generator_and_without_them_nothing_is_drawn(changes):
    one, same, other = (measure(build(), seed, **changes).loss for seed in (0, 0, 1))
    assert one == same != other
    assert measure(build(), 0).loss == measure(build(), 1).loss


def test_a_report_has_the_nll_and_nothing_of_a_kl_or_of_codes():
    objective = family_of(build()).make_objective(build(), recipe(), ALONE)
    assert isinstance(objective, AeObjective) and objective.sizes == {"nll": 1} and not objective.counted
    figures = objective.summarise({"nll": torch.tensor([7.0])})
    assert figures.nll == 7.0
    assert figures.kl is figures.active_dims is figures.squared_error is figures.codes_used is None
