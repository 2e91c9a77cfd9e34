"""The device that a retraining trains and measures on: known to be there before anything waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deploy.wiring import World
from tasks.errors import DeviceMissing


@dataclass(frozen=True, slots=True)
class Cuda:
    """What a machine has of CUDA: how many cards, the name of each, and the version that its torch is built for."""

    count: int
    name_of: Callable[[int], str]
    built_for: str | None

    @classmethod
    def here(cls) -> Cuda:
        """On this machine."""
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return cls(count, torch.cuda.get_device_name, torch.version.cuda)


def training_device(world: World, there: Cuda | None = None) -> str:
    """The `[training] device` of the settings; DeviceMissing where this machine has none of that name.

    The machine that asks for a retraining need not have it, so the settings alone cannot say. `there`: what the
    machine has, which is looked up without it.
    """
    name = world.settings.training.device
    if missing := find_missing_device(name, there):
        raise DeviceMissing(missing)
    return name


def find_missing_device(name: str, there: Cuda | None = None) -> str:
    """What to tell where this machine has no device of that name; empty where it has."""
    import torch

    wanted = torch.device(name)
    if wanted.type != "cuda":
        return ""
    there = there or Cuda.here()
    if (wanted.index or 0) < there.count:
        return ""
    found = ", ".join(f"cuda:{index} ({there.name_of(index)})" for index in range(there.count))
    without = "" if there.built_for else f": its torch {torch.__version__} is built without CUDA"
    return (
        f'device: expected "{name}", the [training] device of the settings, this machine has '
        f"{found or f'no CUDA device{without}'}; let a worker run this where that device is, or set "
        'LATENTLOOP_TRAINING__DEVICE="cpu" for this one'
    )
