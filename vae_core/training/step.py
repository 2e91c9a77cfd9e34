"""One update of the weights, or none: a loss that is not finite never reaches them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vae_core.errors import DivergenceError
from vae_core.losses import bernoulli_nll, free_bits, kl_divergence
from vae_core.models.conv_vae import ConvVae
from vae_core.training.precision import Precision, autocast


@dataclass(frozen=True, slots=True, eq=False)
class StepTerms:
    """Means over a step's batch, nats per image: NLL, and unclamped KL per dimension (D,) on the CPU."""

    nll: float
    kl_dims: torch.Tensor


def take_step(
    model: ConvVae,
    optimiser: torch.optim.Optimizer,
    x: torch.Tensor,
    generator: torch.Generator,
    *,
    beta: float,
    free_bits_nats: float,
    precision: Precision,
) -> StepTerms:
    """Descend on mean NLL + beta · KL of images x (B, C, H, W) on [0, 1]; summed over pixels and dimensions.

    DivergenceError before anything changed when the loss or a gradient is NaN or infinite.
    """
    with autocast(precision, x.device.type):
        output = model(x, generator)
    nll = bernoulli_nll(output.logits, x).mean()
    kl_dims = kl_divergence(*output.posterior)
    loss = nll + beta * free_bits(kl_dims, free_bits_nats)

    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    # one transfer from the device for everything that a step reports
    told = torch.cat([torch.stack([loss, norm, nll]), kl_dims.mean(0)]).detach().cpu()
    if not bool(torch.isfinite(told).all()):
        raise DivergenceError(f"loss {told[0]:g}, gradient norm {told[1]:g}, NLL {told[2]:g}")
    optimiser.step()
    return StepTerms(nll=float(told[2]), kl_dims=told[3:])
