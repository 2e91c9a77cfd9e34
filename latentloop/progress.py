"""A bar in the terminal (lines where there is none) for a run that works in another process.

The run writes where it stands into the object store; the state comes from the orchestrator.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deploy.stores.errors import ObjectMissing
from deploy.stores.objects import ObjectStore
from deploy.stores.orchestrator import Orchestrator, RunRef, RunState
from tasks.progress import ProgressNote, progress_key

POLL_S = 0.5
LINE_EVERY_S = 5.0


def follow_progress(
    orchestrator: Orchestrator,
    run: RunRef,
    objects: ObjectStore,
    key: str,
    timeout_s: float,
    say: Callable[[str], None],
) -> RunState:
    """Show where the run stands until it has ended; returns its final state."""
    if not sys.stderr.isatty():
        return _follow(orchestrator, run, objects, key, timeout_s, _Lines(say).show)
    columns = (
        TextColumn("{task.fields[step]:<10}"),
        BarColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=1.0, step="waiting", detail="")
        return _follow(orchestrator, run, objects, key, timeout_s, lambda note: _draw(bar, task, note))


def _follow(
    orchestrator: Orchestrator,
    run: RunRef,
    objects: ObjectStore,
    key: str,
    timeout_s: float,
    show: Callable[[ProgressNote], None],
) -> RunState:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        state = orchestrator.run_state(run.id)
        if state.finished:
            return state
        note = _read(objects, key)
        if note is not None and state.name == "Running":
            show(note)
        else:
            show(ProgressNote(step=state.name.lower(), share_done=0.0, detail=""))
        time.sleep(POLL_S)
    return orchestrator.run_state(run.id)


def _read(objects: ObjectStore, key: str) -> ProgressNote | None:
    try:
        return ProgressNote.model_validate_json(objects.get(progress_key(key)).data)
    except ObjectMissing:
        return None


def _draw(bar: Progress, task: TaskID, note: ProgressNote) -> None:
    bar.update(task, completed=note.share_done, step=note.step, detail=note.detail)


class ProgressLines:
    """Lines for a run that somebody else started and that is known by its key alone."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._lines = _Lines(say)

    def look(self, objects: ObjectStore, key: str) -> None:
        """Say where it stands, if that is news."""
        if (note := _read(objects, key)) is not None:
            self._lines.show(note)


class _Lines:
    """One line when the step changes, and one every few seconds."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._step, self._said = say, "", 0.0

    def show(self, note: ProgressNote) -> None:
        now = time.monotonic()
        if note.step != self._step or now - self._said > LINE_EVERY_S:
            self._step, self._said = note.step, now
            share = f" {note.share_done:.0%}" if note.share_done else ""
            self._say(f"{note.step}{share} {note.detail}".rstrip())
