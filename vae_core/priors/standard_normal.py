"""The prior that a VAE is trained against: N(0, I)."""

import torch


def sample_standard_normal(n: int, dim: int, generator: torch.Generator) -> torch.Tensor:
    """Draw n codes from N(0, I): (n, dim) float32 on the CPU, whatever device the decoder is on."""
    return torch.randn((n, dim), generator=generator, dtype=torch.float32)
