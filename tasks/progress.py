"""Where a run stands, for whoever watches from another process: one small object, replaced every two seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from tasks.pace import Pace

if TYPE_CHECKING:
    from deploy.stores.objects import ObjectStore

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


def progress_key(run: str) -> str:
    """Key of a run's note."""
    return f"runs/{run}/progress.json"
