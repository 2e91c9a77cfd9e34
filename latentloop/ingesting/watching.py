"""`latentloop ingest --watch`: looks at a place again and again and ingests what is new and complete."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from deploy.stores.errors import StoreUnavailable
from deploy.wiring import World
from latentloop.errors import NothingToDo, RunFailed
from latentloop.ingesting.command import Run, ingest_packed, newest_lines, pack_source
from latentloop.ingesting.folder_counts import FolderCounts
from latentloop.sources.found import Found
from latentloop.sources.opening import open_source
from tasks.intake.unread import UnreadFile, note_unread

Say = Callable[[str], None]


class NewLines:
    """Says a line once, and again only after a look at which it was not so."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._before: set[str] = set()
        self._now: set[str] = set()

    def begin_look(self) -> None:
        """What was said becomes what was said before."""
        self._before, self._now = self._now, set()

    def say(self, line: str) -> None:
        """Say it where it is news."""
        if line not in self._before:
            self._say(line)
        self._now.add(line)


class Settled:
    """Which files are complete: those that have the stamp that they had at the look before."""

    def __init__(self) -> None:
        self._before: dict[str, str] = {}
        self._now: dict[str, str] = {}

    def begin_look(self) -> None:
        """What was seen becomes what was seen before."""
        self._before, self._now = self._now, {}

    def is_complete(self, found: Found) -> bool:
        """Look at one file; it is remembered for the next look."""
        self._now[found.path] = found.stamp
        return self._before.get(found.path) == found.stamp


class Watch:
    """One place, looked at again and again; what was ingested before is not reported."""

    def __init__(
        self,
        world: World,
        place: str | os.PathLike[str],
        say: Say,
        labels: Path | None = None,
        run: Run | None = None,
    ) -> None:
        self._world, self._labels, self._run = world, labels, run
        self._source = open_source(world.settings, place)
        self._settled, self._lines = Settled(), NewLines(say)
        self._say, self._ingested, self._unread = say, set[str](), list[UnreadFile]()

    @property
    def place(self) -> str:
        """What is watched."""
        return self._source.place

    def look(self) -> FolderCounts | None:
        """Ingest what is new and complete; None where nothing is."""
        self._settled.begin_look()
        self._lines.begin_look()
        packed = pack_source(self._world, self._source, self._lines.say, self._labels, self._settled.is_complete)
        if packed.unread != self._unread:
            note_unread(self._world, self._source.place, packed.unread, datetime.now(UTC))
            self._unread = packed.unread
        if packed.tally.too_large.count:
            self._lines.say(f"too large to be read: {packed.tally.too_large}: see `latentloop quarantine list`")
        new = [key for key in packed.segments if key not in self._ingested]
        self._ingested |= newest_lines(self._world.ledger, new).keys()
        # not only what was packed just now: a watch that was ended between packing and ingesting goes on here
        waiting = [key for key in new if key not in self._ingested]
        if not waiting:
            return None
        counts = ingest_packed(self._world, self._source.place, packed.only(waiting), self._say, self._run)
        self._ingested.update(waiting)
        return counts


def watch_folder(
    watch: Watch,
    say: Say,
    show: Callable[[FolderCounts], None],
    every_s: float,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Look every `every_s` seconds until a person leaves; `show` gets what became of each arrival.

    A place that cannot be used at the first look ends it; later that is said and waited for, as a neighbour that is
    away.
    """
    say(f"watching {watch.place} every {every_s:g} s, until Ctrl-C")
    is_first, problems = True, NewLines(say)
    while True:
        problems.begin_look()
        try:
            counts = watch.look()
        except (StoreUnavailable, NothingToDo, RunFailed) as error:
            if is_first:
                raise
            problems.say(f"{error}; watching goes on")
        else:
            if counts is not None:
                show(counts)
        is_first = False
        wait(every_s)
