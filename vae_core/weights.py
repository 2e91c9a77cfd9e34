"""Weights out of a model and into one, checked name by name, so that a wrong file is one clear line."""

import hashlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from vae_core.families.variants import ImageModel


def copy_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """All parameters and buffers of a model as contiguous CPU tensors, as safetensors wants them."""
    return {
        name: tensor.detach().to("cpu", memory_format=torch.contiguous_format).contiguous()
        for name, tensor in model.state_dict().items()
    }


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """A tensor of any device and layout as a contiguous array."""
    array: np.ndarray = tensor.contiguous().cpu().numpy()
    return array


def require_weights(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """ValueError unless names, shapes and dtypes are the model's and all values are finite."""
    own = model.state_dict()
    if missing := sorted(set(own) - set(weights)):
        raise ValueError(f"tensor {missing[0]} is missing ({len(missing)} in all)")
    if unknown := sorted(set(weights) - set(own)):
        raise ValueError(f"tensor {unknown[0]!r} is unknown to the model ({len(unknown)} in all)")
    for name, expected in own.items():
        came = weights[name]
        if came.shape != expected.shape or came.dtype != expected.dtype:
            raise ValueError(
                f"tensor {name}: expected {expected.dtype} {tuple(expected.shape)}, "
                f"came {came.dtype} {tuple(came.shape)}"
            )
        if not bool(torch.isfinite(came).all()):
            raise ValueError(f"tensor {name}: {int((~torch.isfinite(came)).sum())} values are NaN or infinite")


def load_weights(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Fill a model; ValueError as in `require_weights`, with nothing changed."""
    require_weights(model, weights)
    model.load_state_dict(dict(weights))


def digest_weights(weights: Mapping[str, torch.Tensor]) -> str:
    """Name tensors by the sha256, in hex, over names, dtypes, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        values = weights[name].detach().cpu().contiguous().numpy()
        digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
        digest.update(values.data)
    return digest.hexdigest()


def encoder_digest(model: ImageModel) -> str:
    """Name a model's encoder: equal digests give equal codes for every image, whatever the decoders."""
    parts = tuple(f"{part}." for part in model.ENCODER)
    return digest_weights({name: tensor for name, tensor in copy_weights(model).items() if name.startswith(parts)})
