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
from deploy.stores.objects.port import ObjectStore
from deploy.stores.orchestrator import RunState
from latentloop.timing.rhythm import Rhythm
from latentloop.timing.shown_duration import say_about, say_duration
from tasks.run.progress import ProgressNote, progress_key

MOST_SHOWN = 0.99

Say = Callable[[str], None]


@contextmanager
def showing_progress(objects: ObjectStore, key: str, say: Say) -> Iterator[Callable[[RunState], None]]:
    """Give what shows a state of the run of this trigger."""
    notes = Notes(objects, key)
    if not sys.stderr.isatty():
        lines = _Lines(say)
        yield lambda state: lines.show(notes.of(state))
        return
    columns = (
        TextColumn("{task.fields[step]:<10}"),
        BarColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=1.0, step="waiting", detail="", left="")
        yield lambda state: _draw(bar, task, notes.of(state))


def describe_note(note: ProgressNote) -> str:
    """Where a run stands, and about how long its step goes on, in one phrase."""
    # whoever still writes notes is not done, however little is left
    share = f" {min(note.share_done, MOST_SHOWN):.0%}" if note.share_done else ""
    return ", ".join(part for part in (f"{note.step}{share} {note.detail}".strip(), _left(note)) if part)


def read_note(objects: ObjectStore, key: str) -> ProgressNote | None:
    """Where the run of this trigger stands, if it said so and the store answers."""
    try:
        return ProgressNote.model_validate_json(objects.get(progress_key(key)).data)
    except (ObjectMissing, InvalidKey, StoreUnavailable):  # a trigger's key need not be one that a store takes
        return None


class Notes:
    """What a run says while it is followed; what was said before, by an attempt that was interrupted, is no news."""

    def __init__(self, objects: ObjectStore, key: str) -> None:
        self._objects, self._key = objects, key
        self._before = read_note(objects, key)

    def of(self, state: RunState) -> ProgressNote:
        """Where the run stands; its state, as long as it has said nothing itself."""
        note = read_note(self._objects, self._key) if state.name == "Running" else None
        if note is not None and note != self._before:
            self._before = None
            return note
        return ProgressNote(step=state.name.lower(), share_done=0.0, detail="")


def _draw(bar: Progress, task: TaskID, note: ProgressNote) -> None:
    bar.update(task, completed=min(note.share_done, MOST_SHOWN), step=note.step, detail=note.detail, left=_left(note))


def _left(note: ProgressNote) -> str:
    return f"{say_about(note.left_s)} of it left" if note.left_s is not None else ""


class ProgressLines:
    """Lines for a run that somebody else started and that is known by its key alone."""

    def __init__(self, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = _Lines(say, clock)

    def look(self, objects: ObjectStore, key: str) -> None:
        """Say where it stands, if that is news."""
        if (note := read_note(objects, key)) is not None:
            self._lines.show(note)


class _Lines:
    """One line when the step changes, and then ever more seldom; each says how long it took until now."""

    def __init__(self, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._rhythm = say, Rhythm(clock)

    def show(self, note: ProgressNote) -> None:
        if self._rhythm.is_due(note.step):
            self._say(f"{describe_note(note)} ({say_duration(self._rhythm.elapsed_s)} so far)")
