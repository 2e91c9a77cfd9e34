"""A model is taken to where it is needed, and stays where it was."""

import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, tiny_vq_vae
from vae_core.families.build import build_model
from vae_core.inference import score_images
from vae_core.placement import model_on


def devices(model: torch.nn.Module) -> set[str]:
    return {tensor.device.type for tensor in model.state_dict().values()}


def test_a_model_that_lies_there_is_handed_on_itself():
    model = build_model(TINY)
    assert model_on(model, "cpu") is model


@pytest.mark.parametrize("model", [build_model(TINY), tiny_vq_vae()], ids=["vae", "vq_vae"])
def test_any_other_device_gets_a_copy_of_all_of_it_in_the_same_mode(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for evaluating in (True, False):
        moved = model_on(model.train(not evaluating), "meta")
        assert devices(moved) == {"meta"} and moved.training != evaluating
        assert {each.device.type for each in moved.buffers()} <= {"meta"}, "what is not stored as well"
    assert devices(model) == {"cpu"}
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_model_of_which_a_part_lies_elsewhere_is_moved_as_a_whole():
    model = build_model(TINY)
    model.to_posterior.to("meta")
    moved = model_on(model, "meta")
    assert moved is not model and devices(moved) == {"meta"} and model_on(moved, "meta") is moved


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("model", [build_model(TINY).eval(), tiny_vq_vae()], ids=["vae", "vq_vae"])
def test_a_copy_on_a_gpu_answers_like_the_model(model):
    moved = model_on(model, "cuda")
    assert devices(moved) == {"cuda"} and devices(model) == {"cpu"}
    assert model_on(moved, "cuda") is moved and model_on(moved, "cuda:0") is moved
    expected, found = score_images(model, boxes(20)), score_images(moved, boxes(20), device="cuda")
    np.testing.assert_allclose(found.mu, expected.mu, rtol=1e-2, atol=1e-2)  # TF32 has ten bits
    # rounding may give a token a code that is as near, which moves that image's error alone
    assert np.median(np.abs(found.recon_error / expected.recon_error - 1)) < 1e-2
    assert devices(model_on(moved, "cpu")) == {"cpu"}
