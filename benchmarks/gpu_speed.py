"""Images a second of our trainer, the bare loops and pythae's trainer on one device, and the memory that each takes."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.form import Result
from benchmarks.gpu_capture import BareLoop
from benchmarks.peers.pythae import time_pythae
from benchmarks.training import BATCH, LOG_EVERY, VALIDATE_EVERY
from vae_core.config import Budget, TrainConfig
from vae_core.families.configs import ModelConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.progress import TrainProgress
from vae_core.training.loop import train
from vae_core.training.objectives.precision import resolve_precision

WARMUP_STEPS = 50
"""Whole reports, and enough for the libraries to choose their kernels."""

CAPTURED_LIMIT = 0.9

Contestant = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Timed:
    """One run of a contestant: seconds of its timed steps, and the most memory it held at once, MiB; None on a CPU."""

    seconds: float
    peak_mib: float | None


def wall_clock(device: str) -> float:
    """Seconds at which everything that the device was asked for is done."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def make_contestants(
    images: np.ndarray,
    held_out: np.ndarray,
    steps: int,
    device: str,
    *,
    batch: int = BATCH,
    warmup_steps: int = WARMUP_STEPS,
) -> dict[str, Contestant]:
    """All who train on images uint8 (N, 1, H, W) of one size, N at least those of all steps.

    A CPU has no graphs: there the captured loop is the eager one.
    """
    on_gpu = torch.device(device).type == "cuda"
    height, width = images.shape[2:]
    models: dict[str, ModelConfig] = {
        "vae": ConvVaeConfig(height=height, width=width),
        "vq": VqVaeConfig(height=height, width=width),
    }
    contestants: dict[str, Contestant] = {}
    for kind, model in models.items():
        name = f"{kind}_{height}"
        alike: dict[str, Any] = {"warmup_steps": warmup_steps, "steps": steps, "device": device}
        bare = partial(time_bare, images, model, batch, **alike)
        contestants[name] = partial(time_ours, images, held_out, model, batch, **alike)
        contestants[f"eager_{name}"] = partial(bare, captured=False)
        contestants[f"captured_{name}"] = partial(bare, captured=on_gpu)
        contestants[f"pythae_{name}"] = partial(
            time_pythae, images, model, batch, **alike, clock=partial(wall_clock, device)
        )
    return contestants


def time_ours(
    images: np.ndarray,
    held_out: np.ndarray,
    model: ModelConfig,
    batch: int,
    *,
    warmup_steps: int,
    steps: int,
    device: str,
) -> float:
    """Seconds of our trainer from the end of the warm-up to the last step; both are whole reports."""
    stamps: dict[int, float] = {}

    def stamp(progress: TrainProgress) -> None:
        if progress.step in (warmup_steps, warmup_steps + steps):
            stamps[progress.step] = wall_clock(device)

    config = TrainConfig(
        budget=Budget(amount=warmup_steps + steps, unit="steps"), batch_size=batch, validate_every_steps=VALIDATE_EVERY
    )
    train(
        TrainingData(images, held_out=held_out),
        model,
        config,
        Execution(time.perf_counter, device=device, on_progress=stamp, log_every=LOG_EVERY),
    )
    return stamps[warmup_steps + steps] - stamps[warmup_steps]


def time_bare(
    images: np.ndarray, model: ModelConfig, batch: int, *, warmup_steps: int, steps: int, device: str, captured: bool
) -> float:
    """Seconds of the bare loop after the same warm-up, its step recorded as a graph or launched kernel by kernel."""
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(images))).to(device)
    batches = torch.split(order[: (warmup_steps + steps) * batch], batch)
    loop = BareLoop(images, model, resolve_precision("auto", device), batch=batch, device=device)
    if captured:
        loop.capture(batches[:warmup_steps])
    else:
        for rows in batches[:warmup_steps]:
            loop.take(rows)
    begun = wall_clock(device)
    for rows in batches[warmup_steps:]:
        loop.take(rows)
    return wall_clock(device) - begun


def measure_rounds(contestants: Mapping[str, Contestant], rounds: int, device: str) -> dict[str, list[Timed]]:
    """Run every contestant once a round, so that a busy moment meets all of them."""
    timed: dict[str, list[Timed]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            timed[name].append(measure(contestant, device))
    return timed


def measure(contestant: Contestant, device: str) -> Timed:
    """Time a contestant, and see how much more memory its tensors held at once than there was before it."""
    if torch.device(device).type != "cuda":
        return Timed(contestant(), None)
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    seconds = contestant()
    return Timed(seconds, (torch.cuda.max_memory_allocated() - before) / 2**20)


def speed_results(timed: Mapping[str, list[Timed]], steps: int, batch: int = BATCH) -> list[Result]:
    """Speeds and ratios of speeds, round by round, with their bars; and the peak memory of each contestant."""
    ours = [name for name in timed if name.startswith(("vae_", "vq_"))]

    def ratio(name: str, other: str, limit: float | None = None) -> Result:
        pairs = zip(timed[f"{other}_{name}"], timed[name], strict=True)
        values = [theirs.seconds / our.seconds for theirs, our in pairs]
        return Result.of(f"{name}_vs_{other}", values, "times", limit=limit, direction="higher")

    return [
        *(ratio(name, "captured", CAPTURED_LIMIT) for name in ours),
        *(ratio(name, other) for name in ours for other in ("eager", "pythae")),
        *(
            Result.of(f"{name}_speed", [steps * batch / each.seconds for each in runs], "images/s", direction="higher")
            for name, runs in timed.items()
        ),
        *(Result.of(f"{name}_peak_memory", _peaks(runs), "MiB") for name, runs in timed.items()),
    ]


def _peaks(runs: list[Timed]) -> list[float] | None:
    return [each.peak_mib for each in runs if each.peak_mib is not None] or None
