"""What the command `ingest` does: pack a folder or bucket, run the flow over it, count what became of its files."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from data_checks.intake.golden import tell_changed_pixels
from deploy.record.intake import INGEST, IngestCounts
from deploy.record.kind import Line
from deploy.settings import Settings
from deploy.stores.objects.captures import CaptureStore
from deploy.stores.orchestrator import COMMAND_PATIENCE_S, RunState
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import World
from latentloop.errors import NothingToDo, RunFailed, RunGoesOn
from latentloop.ingesting.folder_counts import FolderCounts, sum_counts
from latentloop.ingesting.superseded import leave_out_superseded
from latentloop.runs.following import Followed, Show, expect_completed, follow, saying_changes
from latentloop.sources.found import Source
from latentloop.sources.opening import open_source
from latentloop.sources.packed_files import PackedFiles
from latentloop.sources.packing import IsComplete, Packed, Packing
from latentloop.sources.survey import survey
from latentloop.sources.tally import Left
from latentloop.timing.pace import Pace
from tasks.intake.unread import note_unread

Say = Callable[[str], None]
Run = Callable[[World, Sequence[str], Say], None]

TIMEOUT_S = 24 * 3_600.0
LOOK_EVERY_S = 3.0
_ENDINGS = 6  # that are named of a place without pictures
_ARCHIVES = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"})


def ingest_folder(
    world: World, place: str | os.PathLike[str], say: Say, labels: Path | None = None, run: Run | None = None
) -> FolderCounts:
    """Pack a folder or `s3://bucket/prefix`, run the `ingest` deployment, and count what became of these files.

    NothingToDo where no image is; everything that was packed is kept, whatever happens then.
    """
    source = open_source(world.settings, place)
    if told := tell_changed_pixels():
        say(told)
    try:
        packed = pack_source(world, source, say, labels)
    except KeyboardInterrupt as error:
        raise RunGoesOn("left while packing: nothing is lost, the same command goes on where it was left") from error
    note_unread(world, source.place, packed.unread, datetime.now(UTC))
    if not packed.images and not packed.tally.too_large.count:
        raise NothingToDo(_say_no_image(source, packed))
    return ingest_packed(world, source.place, packed, say, run)


def pack_source(
    world: World,
    source: Source,
    say: Say,
    labels: Path | None = None,
    is_complete: IsComplete = lambda found: True,
) -> Packed:
    """Bring what is new at the place into segments."""
    settings = world.settings
    found = survey(source, settings.intake.subfolders, labels, say)
    captures = CaptureStore(world.objects)
    with _opened_note(settings, source.place) as note:
        packing = Packing(source, found, captures, note, settings.input_policy.max_bytes, is_complete)
        return packing.run(Pace("packing", "files", say, found.files))


@contextmanager
def _opened_note(settings: Settings, place: str) -> Iterator[PackedFiles]:
    note = PackedFiles(settings.home, place, settings.objects_url or str(settings.home / "objects"))
    try:
        yield note
    finally:
        note.close()


def ingest_packed(world: World, place: str, packed: Packed, say: Say, run: Run | None = None) -> FolderCounts:
    """Run the flow over all that waits (`run`: the deployment, followed to its end), and count these segments."""
    ledger, keys = world.ledger, sorted(packed.segments)
    before = newest_lines(ledger, keys)
    if keys:
        new = f", {len(packed.fresh):,} of them new" if len(packed.fresh) < len(keys) else ""
        say(f"images packed: {packed.images:,}, segments: {len(keys):,}{new}; ingesting")
        (run or run_deployment)(world, [key for key in keys if key not in before], say)
    after = newest_lines(ledger, keys)
    if missing := [key for key in keys if key not in after]:
        raise RunFailed(
            f"{len(missing)} of {len(keys)} segments were not ingested, the first is {missing[0]}: run it again"
        )
    known = bool(keys) and not packed.fresh and all(before.get(key) == after[key] for key in keys)
    judged = {key: line.body for key, line in after.items()}
    with _opened_note(world.settings, place) as note:
        judged = leave_out_superseded(world.catalogue, note, packed.segments, judged)
    return sum_counts(packed, list(judged.values()), known, max((line.at for line in after.values()), default=None))


def newest_lines(ledger: Ledger, keys: Sequence[str]) -> dict[str, Line[IngestCounts]]:
    """The newest line of the ledger about each segment that has one."""
    found = {key: INGEST.newest(ledger, key) for key in keys}
    return {key: line for key, line in found.items() if line is not None}


def run_deployment(world: World, waiting: Sequence[str], say: Say) -> None:
    """One run of the deployment, followed to its end; `waiting` are the segments that it has to take in."""
    settings, ledger, key = world.settings, world.ledger, f"by-hand-ingest-{uuid.uuid4().hex}"
    with world.orchestrator(COMMAND_PATIENCE_S, say) as orchestrator:
        run = orchestrator.create_run("ingest/ingest", {"reason": "by hand", "key": key}, key)
        say(f"ingest run: {run.url}")
        followed = Followed(run, "ingest", key, "`latentloop ingest` again continues it")
        show = _showing_segments(Segments(ledger, waiting), say)
        lease_s = settings.controller.lease_s
        state = follow(
            orchestrator, ledger, followed, lease_s=lease_s, timeout_s=TIMEOUT_S, say=say, show=show, home=settings.home
        )
    expect_completed(state, followed)


def _showing_segments(segments: Segments, say: Say) -> Show:
    """The states until it runs, then how many of our segments are in the ledger."""
    show_state, pace = saying_changes("ingest", say), Pace("ingesting", "segments", say, segments.total)
    looked_at = time.monotonic()

    def show(state: RunState) -> None:
        nonlocal looked_at
        if state.name != "Running" or segments.total is None:
            show_state(state)
        elif time.monotonic() - looked_at >= LOOK_EVERY_S:
            looked_at = time.monotonic()
            pace.at(segments.count_done())

    return show


class Segments:
    """How many segments of an ingest are through; they are taken in in order, so that the first that is not tells."""

    def __init__(self, ledger: Ledger, waiting: Sequence[str]) -> None:
        self._ledger, self._waiting = ledger, sorted(waiting, reverse=True)
        self.total = len(waiting) or None

    def count_done(self) -> int | None:
        """Ask the ledger; None where nothing of ours is known to wait."""
        if self.total is None:
            return None
        while self._waiting and INGEST.newest(self._ledger, self._waiting[-1]) is not None:
            self._waiting.pop()
        return self.total - len(self._waiting)


def _say_no_image(source: Source, packed: Packed) -> str:
    """Where it was looked for, what is there, and what to do about that."""
    tally = packed.tally
    there = [f"{number:,} {ending}" for ending, number in tally.ignored.most_common(_ENDINGS)]
    if (more := tally.ignored.total() - sum(dict(tally.ignored.most_common(_ENDINGS)).values())) > 0:
        there.append(f"{more:,} of other endings")
    there += [f"{named.count:,} {why.value}: {named}" for why, named in tally.left_out.items()]
    came = f"found none that can be used among what lies there ({'; '.join(there)})"
    came = came if there else "found no file at all"
    return f"{source.place}: looked for pictures in it and in all folders below, {came}: {_say_what_to_do(packed)}"


def _say_what_to_do(packed: Packed) -> str:
    tally = packed.tally
    ways = []
    if any(ending in _ARCHIVES for ending in tally.ignored):
        ways.append("unpack the archives")
    if tally.left_out.keys() & {Left.link, Left.linked_folder}:
        ways.append("name the folder that a link leads to")
    if Left.hidden in tally.left_out:
        ways.append("rename what begins with a dot")
    if Left.unreadable in tally.left_out:
        ways.append("mend the rights of what is unreadable")
    return f"{', '.join(ways) or 'name the folder that has the pictures'}, then `latentloop ingest FOLDER` again"
