"""A bar in the terminal (lines where there is none) for a run that works in another process.

The run writes where it stands into the object store; the state comes from the orchestrator.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deploy.stores.errors import InvalidKey, ObjectMissing, StoreUnavailable
from deploy.stores.objects import ObjectStore
from deploy.stores.orchestrator import RunState
from tasks.progress import ProgressNote, progress_key

LINE_EVERY_S = 5.0

Say = Callable[[str], None]


@contextmanager
def showing_progress(objects: ObjectStore, key: str, say: Say) -> Iterator[Callable[[RunState], None]]:
    """Give what shows a state of the run of this trigger."""
    if not sys.stderr.isatty():
        lines = _Lines(say)
        yield lambda state: lines.show(_note_of(state, objects, key))
        return
    columns = (
        TextColumn("{task.fields[step]:<10}"),
        BarColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=1.0, step="waiting", detail="")
        yield lambda state: _draw(bar, task, _note_of(state, objects, key))


def read_note(objects: ObjectStore, key: str) -> ProgressNote | None:
    """Where the run of this trigger stands, if it said so and the store answers."""
    try:
        return ProgressNote.model_validate_json(objects.get(progress_key(key)).data)
    except (ObjectMissing, InvalidKey, StoreUnavailable):  # a trigger's key need not be one that a store takes
        return None


def _note_of(state: RunState, objects: ObjectStore, key: str) -> ProgressNote:
    note = read_note(objects, key) if state.name == "Running" else None
    return note or ProgressNote(step=state.name.lower(), share_done=0.0, detail="")


def _draw(bar: Progress, task: TaskID, note: ProgressNote) -> None:
    bar.update(task, completed=note.share_done, step=note.step, detail=note.detail)


class ProgressLines:
    """Lines for a run that somebody else started and that is known by its key alone."""

    def __init__(self, say: Say) -> None:
        self._lines = _Lines(say)

    def look(self, objects: ObjectStore, key: str) -> None:
        """Say where it stands, if that is news."""
        if (note := read_note(objects, key)) is not None:
            self._lines.show(note)


class _Lines:
    """One line when the step changes, and one every few seconds."""

    def __init__(self, say: Say) -> None:
        self._say, self._step, self._said = say, "", 0.0

    def show(self, note: ProgressNote) -> None:
        now = time.monotonic()
        if note.step != self._step or now - self._said > LINE_EVERY_S:
            self._step, self._said = note.step, now
            share = f" {note.share_done:.0%}" if note.share_done else ""
            self._say(f"{note.step}{share} {note.detail}".rstrip())
