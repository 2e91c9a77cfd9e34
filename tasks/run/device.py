"""The device that a retraining trains and measures on: known to be there before anything waits for it."""

from __future__ import annotations

from deploy.wiring import World
from tasks.errors import DeviceMissing


def training_device(world: World) -> str:
    """The `[training] device` of the settings; DeviceMissing where this machine has none of that name.

    The machine that asks for a retraining need not have it, so the settings alone cannot say.
    """
    name = world.settings.training.device
    if missing := find_missing_device(name):
        raise DeviceMissing(missing)
    return name


def find_missing_device(name: str) -> str:
    """What to tell where this machine has no device of that name; empty where it has."""
    import torch

    wanted = torch.device(name)
    if wanted.type != "cuda":
        return ""
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (wanted.index or 0) < found:
        return ""
    there = ", ".join(f"cuda:{index} ({torch.cuda.get_device_name(index)})" for index in range(found))
    without = "" if torch.version.cuda else f": its torch {torch.__version__} is built without CUDA"
    return (
        f'device: expected "{name}", the [training] device of the settings, this machine has '
        f"{there or f'no CUDA device{without}'}; let a worker run this where that device is, or set "
        'LATENTLOOP_TRAINING__DEVICE="cpu" for this one'
    )
