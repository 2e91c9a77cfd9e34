import pytest
import torch

from tests.vae_core.synthetic_images import TINY
from vae_core.families.build import build_model
from vae_core.training.average import WeightAverage
from vae_core.weights import copy_weights

CONFIG = TINY.model_copy(update={"likelihood": "gaussian"})


@pytest.mark.parametrize("decay", [0.05, 0.9, 0.9999])
def test_the_mean_is_the_recursive_one_in_float64(decay):
    model = build_model(CONFIG)
    average, generator = WeightAverage(model, decay), torch.Generator().manual_seed(0)
    expected = {name: value.detach().double() for name, value in model.named_parameters()}
    for step in range(40):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
        average.update(model, steps_before=step)
        kept = min(decay, (1 + step) / (10 + step))
        for name, value in model.named_parameters():
            expected[name] = kept * expected[name] + (1 - kept) * value.detach().double()
    for name, value in average.model.named_parameters():
        # forty float32 roundings of numbers of about 1
        torch.testing.assert_close(value.double(), expected[name], rtol=0, atol=40 * 2**-23)


def test_buffers_are_those_of_the_last_step_and_the_model_is_left_alone():
    model = build_model(CONFIG).train()
    average = WeightAverage(model, 0.9)
    model.likelihood.keep_scale(torch.tensor(0.5))
    before = {name: tensor.clone() for name, tensor in copy_weights(model).items()}
    average.update(model, steps_before=0)
    assert average.model.likelihood.variance == 0.5
    assert all(torch.equal(before[name], tensor) for name, tensor in copy_weights(model).items())
    assert model.training and not average.model.training
    assert not any(parameter.requires_grad for parameter in average.model.parameters())


def test_weights_that_stay_are_their_own_mean_bit_for_bit():
    model = build_model(CONFIG)
    average = WeightAverage(model, 0.37)
    for step in range(10):
        average.update(model, steps_before=step)
    mean = copy_weights(average.model)
    assert all(torch.equal(mean[name], tensor) for name, tensor in copy_weights(model).items())
