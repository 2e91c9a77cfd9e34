"""The shortest loops that train a network: what a trainer's own work is measured against."""

import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as functional

from vae_core.families.build import build_model
from vae_core.families.configs import ModelConfig
from vae_core.families.registry import family_of
from vae_core.families.variants import CodedModel, PosteriorModel
from vae_core.training.objectives.precision import Precision, autocast

Step = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""From images (B, C, H, W) on [0, 1] and a generator on their device to the loss () of the step that was made."""


def time_bare(
    images: np.ndarray, config: ModelConfig, precision: Precision, batch: int, *, warmup_steps: int, steps: int
) -> float:
    """CPU seconds of `steps` steps after the warm-up; nothing is watched, reported or kept."""
    torch.manual_seed(0)
    take_step = make_bare_step(config, precision)
    pixels, order = torch.from_numpy(images.copy()), torch.randperm(len(images))
    generator = torch.Generator().manual_seed(0)
    begun = 0.0
    for step in range(warmup_steps + steps):
        if step == warmup_steps:
            begun = time.process_time()
        rows = order[step * batch : (step + 1) * batch]
        x = pixels.index_select(0, rows).to(torch.float32, memory_format=torch.channels_last).div_(255)
        take_step(x, generator)
    return time.process_time() - begun


def make_bare_step(config: ModelConfig, precision: Precision, device: str = "cpu") -> Step:
    """Build a model on the device with its optimiser, and the step that moves both.

    On a GPU nothing in a step waits for the device, but for the k-means of a VQ-VAE's first one.
    """
    model = build_model(config).to(device).train()
    family = family_of(config)
    if (coded := family.with_codes(model)) is not None:
        return _vq_step(coded, precision, device)
    posterior = family.with_posterior(model)
    assert posterior is not None, "the configs of these benchmarks have codes or a posterior"
    return _vae_step(posterior, precision, device)


def _vae_step(model: PosteriorModel, precision: Precision, device: str) -> Step:
    optimiser = _make_adam(model, device)

    def step(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        optimiser.zero_grad(set_to_none=True)
        loss = bare_loss(model, x, generator, precision)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return loss.detach()

    return step


def _vq_step(model: CodedModel, precision: Precision, device: str) -> Step:
    optimiser = _make_adam(model, device)

    def step(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        optimiser.zero_grad(set_to_none=True)
        with autocast(precision, device):
            output = model(x, generator)
        mean, chosen, _ = output
        loss = bare_vq_loss(model, mean, chosen.commitment, x)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        model.follow(output, generator)
        return loss.detach()

    return step


def _make_adam(model: torch.nn.Module, device: str) -> torch.optim.Adam:
    """Fused, and on a GPU fit to be captured in a graph."""
    on_gpu = torch.device(device).type == "cuda"
    return torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=on_gpu)


def bare_loss(model: PosteriorModel, x: torch.Tensor, generator: torch.Generator, precision: Precision) -> torch.Tensor:
    """-ELBO of a batch, as a textbook writes it."""
    with autocast(precision, x.device.type):
        logits, (mu, logvar), _ = model(x, generator)
    nll = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.square() - logvar.exp())
    return (nll + kl) / len(x)


def bare_vq_loss(model: CodedModel, mean: torch.Tensor, commitment: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Squared error and commitment of a batch."""
    return (mean - x).square().mean() + model.config.commitment * commitment
