"""Where and how a training is executed, and who hears of it: nothing of it changes what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vae_core.ranks import ALONE, Ranks
from vae_core.training.health.progress import TrainProgress


@dataclass(frozen=True, slots=True, eq=False)
class Execution:
    """The clock, the folder, the device and the processes of a training, and its listener.

    `clock` gives seconds and counts for a budget in seconds. Checkpoints are kept in `checkpoint_folder`; None keeps
    none. `on_progress` hears the means of every `log_every` steps. The caller sets the number of threads.

    `ranks`: the processes that train together, each of which trains with the same arguments (its own device apart)
    and hands the same model over; the batch is cut among them. One folder for all: the first process writes it.
    """

    clock: Callable[[], float]
    checkpoint_folder: Path | None = None
    device: str = "cpu"
    on_progress: Callable[[TrainProgress], None] | None = None
    log_every: int = 20
    ranks: Ranks = ALONE
