"""In which number format a forward and backward pass computes; weights, losses and optimiser stay float32."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch

from vae_core.errors import DataError

Precision = Literal["fp32", "bf16"]


def resolve_precision(
    requested: str, device: str, processor: Callable[[], Mapping[str, Any]] = torch.cpu.get_capabilities
) -> Precision:
    """Answer "auto" with bf16 where the device computes in it natively, else fp32; the others stay as asked.

    `processor` tells what this one can do. DataError for an unknown word. On a processor with avx512_bf16 a step in
    bf16 costs 0.6 of one in fp32; without it, emulation makes it slower.
    """
    if requested == "fp32":
        return "fp32"
    if requested == "bf16":
        return "bf16"
    if requested != "auto":
        raise DataError(f"precision: expected auto, fp32 or bf16, came {requested!r}; choose one")
    if torch.device(device).type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    features = processor()
    return "bf16" if features.get("avx512_bf16") or features.get("amx_bf16") else "fp32"


def autocast(precision: Precision, device: str) -> torch.autocast:
    """Convolutions and matrix products in the precision; what surrounds them in float32."""
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=precision == "bf16")
