"""Where a model's weights lie."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch

Model = TypeVar("Model", bound=torch.nn.Module)


def model_on(model: Model, device: str) -> Model:
    """The model itself where all its weights lie on the device, else a copy there; modes stay as they are."""
    wanted = torch.device(device)
    if all(
        tensor.device.type == wanted.type and wanted.index in (None, tensor.device.index)
        for tensor in model.state_dict().values()
    ):
        return model
    return copy.deepcopy(model).to(wanted)
