"""Models that tell where they compute; "meta" is a device on every machine, on which no result can be had."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, TypeVar

import torch


class NoResult(Exception):
    """The batch was met on "meta": what was to be seen is seen."""


Model = TypeVar("Model", bound=torch.nn.Module)
Seen = list[tuple[str, set[str]]]
"""The device of some images, and those of the weights that they met."""


def devices_of(module: torch.nn.Module) -> set[str]:
    """Where its weights lie."""
    return {tensor.device.type for tensor in module.state_dict().values()}


def watch_devices(model: Model, seen: Seen) -> Model:
    """The model, which notes of every batch where it was met, as its copies do; NoResult on "meta"."""

    def see(layer: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        seen.append((given[0].device.type, devices_of(layer)))
        if seen[-1][0] == "meta":
            raise NoResult

    first = next(each for each in model.modules() if isinstance(each, torch.nn.Conv2d))
    first.register_forward_pre_hook(see)
    return model


def world_on(device: str, **parts: object) -> Any:
    """What is asked of a world whose settings train on this device."""
    settings = SimpleNamespace(training=SimpleNamespace(threads=1, device=device))
    return SimpleNamespace(settings=settings, **parts)
