"""The prior as a distribution: it sums to one, samples are draws from it, and it travels whole."""

import itertools

import numpy as np
import pytest
import scipy.stats
import torch
from safetensors.torch import load, save

from vae_core.errors import ArtifactError, DataError
from vae_core.priors.code_prior import CodePrior, build_code_prior, draw_codes
from vae_core.priors.code_prior_config import CodePriorConfig

TINY = CodePriorConfig(grid=(2, 2), codebook_size=3, width=16, depth=2, heads=2)
EVERY = torch.tensor(list(itertools.product(range(3), repeat=4))).view(81, 2, 2)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def loud_prior(config: CodePriorConfig = TINY, seed: int = 0) -> CodePrior:
    """A prior far from uniform: its first weights, enlarged."""
    prior = build_code_prior(config, seed)
    with torch.no_grad():
        for name, parameter in prior.named_parameters():
            if "norm" not in name:
                parameter.mul_(15)
    return prior.eval()


def test_the_probabilities_of_all_sequences_sum_to_one():
    with torch.no_grad():
        log_prob = loud_prior().log_prob(EVERY)
    assert float(log_prob.double().exp().sum()) == pytest.approx(1.0, abs=1e-5)
    assert float(log_prob.max() - log_prob.min()) > 1.0  # and it is no uniform one


def test_log_prob_is_the_product_of_the_steps():
    prior = loud_prior()
    with torch.no_grad():
        steps = torch.log_softmax(prior.logits(EVERY).double(), dim=2).gather(2, EVERY.view(81, 4, 1))
        log_prob = prior.log_prob(EVERY, batch=7)
    assert torch.allclose(log_prob.double(), steps.sum((1, 2)), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.uint32, np.int64])
def test_codes_of_any_integer_type_have_the_same_probability(dtype):
    prior = loud_prior()
    with torch.no_grad():
        expected = prior.log_prob(EVERY)
        frozen = EVERY.numpy().astype(dtype)
        frozen.flags.writeable = False
        assert torch.equal(prior.log_prob(frozen), expected)
        assert torch.equal(prior.log_prob(torch.from_numpy(EVERY.numpy().astype(dtype))), expected)


def test_cached_samples_are_those_of_whole_passes():
    config = CodePriorConfig(grid=(4, 5), codebook_size=50, width=32, depth=3, heads=4)
    prior = loud_prior(config)
    cached = prior.sample(200, seeded(), batch=64, temperature=0.8)
    uniform = torch.rand((200, 20), generator=seeded(), dtype=torch.float64)
    codes = torch.zeros((200, 4, 5), dtype=torch.int64)
    for position in range(20):
        with torch.no_grad():
            logits = prior.logits(codes)[:, position]
        codes.view(200, 20)[:, position] = draw_codes(logits / 0.8, uniform[:, position])
    assert torch.equal(cached, codes)
    assert cached.unique().numel() > 20


def test_sampled_frequencies_are_the_probabilities():
    prior = loud_prior()
    codes = prior.sample(20_000, seeded(7), batch=4096).view(-1, 4)
    counts = torch.bincount((codes * torch.tensor([27, 9, 3, 1])).sum(1), minlength=81).numpy()
    with torch.no_grad():
        expected = prior.log_prob(EVERY).double().exp().numpy() * 20_000
    assert expected.min() > 5  # what the approximation wants in every cell
    # a fixed seed gives 0.6; samples at temperature 0.95 would give 3e-4, at 0.9 4e-22
    assert scipy.stats.chisquare(counts, expected * counts.sum() / expected.sum()).pvalue > 0.01


def test_samples_at_a_lower_temperature_are_sharper_and_no_draws_from_the_prior():
    prior = loud_prior()
    with torch.no_grad():
        log_prob = prior.log_prob(EVERY).double()
        sharp = prior.log_prob(prior.sample(20_000, seeded(7), batch=4096, temperature=0.8)).double()
    mean, deviation = float((log_prob.exp() * log_prob).sum()), float(log_prob.std())
    # the mean of 20,000 draws is known to deviation / 141: ten of those
    assert float(sharp.mean()) > mean + deviation / 14


def test_the_same_generator_gives_the_same_samples_in_batches_of_any_size():
    prior = loud_prior()
    first, again, other = (prior.sample(50, seeded(seed), batch=batch) for seed, batch in ((0, 50), (0, 7), (1, 50)))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.dtype == torch.int64 and first.shape == (50, 2, 2)


def test_draws_invert_the_distribution_and_skip_what_is_impossible():
    logits = torch.tensor([0.25, 0.0, 0.5, 0.25, 0.0]).log().repeat(5, 1)
    uniform = torch.tensor([0.0, 0.2499, 0.2501, 0.7501, 1 - 2**-53], dtype=torch.float64)
    assert draw_codes(logits, uniform).tolist() == [0, 0, 2, 3, 3]


@pytest.mark.parametrize(
    ("codes", "came"),
    [
        (np.zeros((0, 2, 2), np.int64), r"int64 \(0, 2, 2\)"),
        (np.zeros((4, 2, 3), np.int64), r"int64 \(4, 2, 3\)"),
        (np.zeros((4, 4), np.int64), r"int64 \(4, 4\)"),
        (np.zeros((), np.int64), r"int64 \(\)"),
        (np.zeros((4, 2, 2)), r"float64 \(4, 2, 2\)"),
        (torch.zeros(4, 2, 2), r"torch.float32 \(4, 2, 2\)"),
        (torch.zeros(4, 2, 2, dtype=torch.bool), r"torch.bool \(4, 2, 2\)"),
        (np.full((4, 2, 2), 3), "codes from 0 to 2, came 3 to 3"),
        (torch.full((4, 2, 2), -1), "codes from 0 to 2, came -1 to -1"),
        (np.full((1, 2, 2), 2**64 - 1, np.uint64), "codes from 0 to 2, came -1 to -1"),
    ],
)
def test_codes_of_another_model_are_refused(codes, came):
    with pytest.raises(DataError, match=f"log_prob: expected .*came .*{came.rpartition('came ')[2]}"):
        loud_prior().log_prob(codes)


@pytest.mark.parametrize("asked", [{"n": 0}, {"n": 3, "batch": 0}, {"n": 3, "temperature": 0.0}])
def test_samples_that_cannot_be_are_refused(asked):
    with pytest.raises(DataError, match="sample: expected n and batch of at least 1 and a finite temperature above 0"):
        loud_prior().sample(generator=seeded(), **asked)


def test_a_stored_prior_comes_back_and_samples_alike():
    prior = loud_prior()
    restored = CodePrior.from_tensors(load(save(prior.to_tensors())))
    assert restored.config == TINY and not restored.training
    assert torch.equal(restored.sample(20, seeded()), prior.sample(20, seeded()))
    assert save(restored.to_tensors()) == save(prior.to_tensors())


def test_a_prior_of_another_grid_or_codebook_is_named():
    prior = loud_prior()
    prior.require_codes_of((2, 2), 3)
    for grid, size in (((2, 3), 3), ((2, 2), 512)):
        with pytest.raises(
            ArtifactError, match=r"made for codes \(2, 2\) of 3, the model's are .*; fit the prior again"
        ):
            prior.require_codes_of(grid, size)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": None}, "expected the tensor 'config'"),
        ({"config": torch.zeros(3)}, "expected the tensor 'config'"),
        ({"config": torch.tensor([1, 2, 3], dtype=torch.uint8)}, "Invalid JSON"),
        ({"config": torch.tensor(list(b'{"grid":[2,2],"codebook_size":1}'), dtype=torch.uint8)}, "codebook_size"),
        ({"config": torch.tensor(list(b'{"grid":[2,2],"codebook_size":3}'), dtype=torch.uint8)}, "is missing|expected"),
        ({"network.positions": None}, "tensor network.positions is missing"),
        ({"network.positions": torch.zeros(3, 16)}, r"expected torch.float32 \(4, 16\), came"),
        ({"network.positions": torch.full((4, 16), torch.nan)}, "64 values are NaN or infinite"),
        ({"weights": torch.zeros(1)}, "'weights' is unknown"),
    ],
)
def test_tensors_that_are_no_prior_over_codes_are_refused(change, message):
    tensors = loud_prior().to_tensors() | change
    with pytest.raises(ArtifactError, match=f"prior: .*({message}).*; fit the prior again"):
        CodePrior.from_tensors({name: tensor for name, tensor in tensors.items() if tensor is not None})


def test_a_config_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="came 0; width 30 is not a multiple of 4 heads"):
        CodePriorConfig(grid=(0, 7), codebook_size=512, width=30)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_probabilities_of_the_cpu_and_samples_there():
    prior = loud_prior()
    with torch.no_grad():
        expected = prior.log_prob(EVERY)
        on_gpu = prior.to("cuda").log_prob(EVERY)
    assert torch.allclose(on_gpu.cpu(), expected, atol=1e-4)
    codes = prior.sample(100, seeded())
    assert codes.device.type == "cuda" and codes.shape == (100, 2, 2)
    assert torch.equal(codes, prior.sample(100, seeded()))
    assert prior.sample(5, torch.Generator("cuda").manual_seed(0)).shape == (5, 2, 2)
