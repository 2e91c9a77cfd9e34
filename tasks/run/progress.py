"""Where a run stands, for whoever watches from another process: one small object, replaced every two seconds.

`holding` opens it for the run of this process; whatever takes long says so with `tell_step`, `tell_share` or
`counting`, however deep it lies. Outside of a run nobody hears it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict, Field

from tasks.run.pace import Pace

if TYPE_CHECKING:
    from deploy.stores.objects.port import ObjectStore

EVERY_S = 2.0


class ProgressNote(BaseModel):
    """The step in work, its share done in [0, 1], and a few words.

    left_s: seconds that are left of this step by the speed measured so far; None while nobody can tell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    step: str
    share_done: float = Field(ge=0, le=1)
    detail: str
    left_s: float | None = Field(default=None, ge=0)


class ProgressWriter:
    """Writes notes, at most one every two seconds for each part of a step."""

    def __init__(self, objects: ObjectStore, key: str) -> None:
        self._objects, self._key = objects, progress_key(key)
        self._written, self._told, self._pace = 0.0, ("", ""), Pace()

    def note(self, step: str, share_done: float, detail: str, part: str = "") -> None:
        """Say where the run stands; a share of 0 where nobody can tell. A step that begins another `part` is news."""
        now, share = time.monotonic(), min(1.0, max(0.0, share_done))
        left_s = self._pace.left_s(step, share, now)
        if (step, part) == self._told and now - self._written < EVERY_S:
            return
        self._written, self._told = now, (step, part)
        body = ProgressNote(step=step, share_done=share, detail=detail, left_s=left_s)
        self._objects.put(self._key, body.model_dump_json().encode())


class Hearer(Protocol):
    """Whoever is told where a run stands."""

    def note(self, step: str, share_done: float, detail: str, part: str = "") -> None:
        """See `ProgressWriter.note`."""


_hearer: ContextVar[Hearer | None] = ContextVar("who hears of the progress of this process", default=None)


@contextmanager
def heard_by(hearer: Hearer) -> Iterator[None]:
    """What is told in this block is told to this hearer, and to nobody else."""
    before = _hearer.set(hearer)
    try:
        yield
    finally:
        _hearer.reset(before)


@contextmanager
def telling_progress(objects: ObjectStore, key: str) -> Iterator[None]:
    """Keep what is told in this block as the progress of this trigger's run."""
    from deploy.stores.errors import InvalidKey
    from deploy.stores.objects.port import validate_key

    try:
        validate_key(progress_key(key))
    except InvalidKey:  # a trigger's key need not be one that a store takes
        yield
        return
    with heard_by(ProgressWriter(objects, key)):
        yield


def tell_step(step: str, detail: str) -> None:
    """A part of the run begins of which nobody knows how far it is."""
    tell_share(step, 0.0, detail, part=detail)


def tell_share(step: str, share_done: float, detail: str, part: str = "") -> None:
    """So much of a step is done; see `ProgressWriter.note`."""
    if (hearer := _hearer.get()) is not None:
        hearer.note(step, share_done, detail, part)


def counting(step: str, what: str, total: int) -> Callable[[int], None]:
    """A part of the run over so many of `what` begins; the answer is called with the number that are done."""

    def tell(done: int) -> None:
        tell_share(step, done / total if total else 0.0, f"{done:,} of {total:,} {what}", part=what)

    tell(0)
    return tell


def progress_key(run: str) -> str:
    """Key of a run's note."""
    return f"runs/{run}/progress.json"
