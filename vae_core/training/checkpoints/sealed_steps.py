"""The sealed folders of one sequence of steps: written whole or not at all; a damaged one gives way to its elder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vae_core.errors import CheckpointError, SealError
from vae_core.sealed_folder import open_sealed, seal_folder

Content = TypeVar("Content")
KEPT = 2


@dataclass(frozen=True, slots=True)
class Damaged:
    """A folder that was passed over: after how many steps it was written, and what is wrong with it."""

    step: int
    reason: str


class SealedSteps:
    """Where a training, or a fit, keeps its checkpoints; one process writes at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._damaged: list[Path] = []
        for partial in folder.glob(".step-*.tmp"):  # of a process that was killed while it wrote
            shutil.rmtree(partial, ignore_errors=True)

    @property
    def steps(self) -> list[int]:
        """After how many steps each was written, ascending."""
        return [_step_of(each) for each in self._folders()]

    def newest(
        self, read: Callable[[Path, Mapping[str, bytes]], Content], *, before: int | None = None
    ) -> tuple[Content | None, list[Damaged]]:
        """Read the newest whole one, or None, and say which damaged ones were passed over.

        `read` makes something of a folder and its files; SealError from it passes the folder over too. With `before`,
        of fewer than so many steps.
        """
        passed: list[Damaged] = []
        for folder in reversed(self._folders()):
            if before is not None and _step_of(folder) >= before:
                continue
            try:
                return read(folder, open_sealed(folder).files), passed
            except SealError as error:
                self._damaged.append(folder)
                passed.append(Damaged(_step_of(folder), str(error)))
        return None, passed

    def save(self, step: int, files: Mapping[str, bytes], what: str) -> None:
        """Write one; CheckpointError when that fails, which says that `what` goes on from the last one."""
        for damaged in self._damaged:
            _remove(damaged)
        self._damaged.clear()
        try:
            seal_folder(self._folder / f"step-{step:012d}", dict(files))
        except SealError as error:
            raise CheckpointError(f"checkpoint {error}; {what} goes on from the last one when started again") from error

    def drop_old(self, but: Collection[int] = ()) -> None:
        """Drop all but the two newest, and those of the steps `but`."""
        for old in self._folders()[:-KEPT]:
            if _step_of(old) not in but:
                _remove(old)

    def _folders(self) -> list[Path]:
        return sorted(self._folder.glob("step-" + "[0-9]" * 12))


def _step_of(folder: Path) -> int:
    return int(folder.name.removeprefix("step-"))


def _remove(folder: Path) -> None:
    """Remove a checkpoint so that a kill in the middle leaves no damaged one under its name."""
    partial = folder.with_name(f".{folder.name}.removed.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    folder.rename(partial)
    shutil.rmtree(partial, ignore_errors=True)
