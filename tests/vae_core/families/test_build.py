"""From a config to a model: first weights by the seed alone, and a restored model's own."""

import torch

from tests.vae_core.synthetic_images import TINY
from vae_core.families.build import build_model, restore_model
from vae_core.likelihoods import FIRST_LOG_SCALE
from vae_core.weights import copy_weights


def test_a_seed_names_the_first_weights_and_the_global_state_is_left_alone():
    before = torch.get_rng_state()
    one, same, other = (build_model(TINY, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["encoder.0.weight"], other["encoder.0.weight"])


def test_a_built_model_begins_at_the_first_scales_and_a_restored_one_has_its_own():
    assert torch.all(
        build_model(TINY.model_copy(update={"likelihood": "logistic", "channels": 3})).likelihood.log_scale
        == FIRST_LOG_SCALE
    )
    gaussian = build_model(TINY.model_copy(update={"likelihood": "gaussian"}))
    assert (gaussian.likelihood.variance, gaussian.likelihood.batches) == (1, 0)
    gaussian.likelihood.keep_scale(torch.tensor(0.25))
    restored = restore_model(gaussian.config, copy_weights(gaussian))
    assert (restored.likelihood.variance, restored.likelihood.batches) == (0.25, 1)
