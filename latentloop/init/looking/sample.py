"""The sample: the chosen files, opened one after the other, within bounds of bytes and time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from data_checks.policy import MOST_FILE_BYTES
from data_checks.refusal import Refusal
from latentloop.init.looking.look import Look, Unusable, look_at
from latentloop.init.looking.survey import Survey
from latentloop.runs.progress import Say
from latentloop.sources.found import Content, Found, NoImage, Outcome, Source, TooLarge
from latentloop.sources.names import storable
from latentloop.sources.reading import read_in_order

FILES = 2_000
MOST_BYTES = 2**30
MOST_S = 90.0
LARGEST_FILE = MOST_FILE_BYTES
SAY_EVERY_S = 5.0
KEPT_BYTES = 2**28
"""What of the files is kept in memory, so that a bucket is asked for it once."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was opened. `ignored`: files of no image format at all; `cut_by`: the bound that ended it, or empty."""

    looks: tuple[Look, ...]
    unusable: tuple[Unusable, ...]
    ignored: int
    cut_by: str

    @property
    def opened(self) -> int:
        """Files that an image program would open."""
        return len(self.looks) + len(self.unusable)

    def reasons(self) -> Counter[str]:
        """How many files could not be used, by reason."""
        return Counter(each.reason for each in self.unusable)


class Files:
    """Reads chosen files of a source; a second time from memory, as far as that goes."""

    def __init__(self, source: Source) -> None:
        self._source, self._kept, self._bytes = source, dict[str, bytes](), 0

    def read(self, chosen: Iterator[Found]) -> Iterator[tuple[Found, Outcome]]:
        """Each with what is in it."""
        for found, outcome in read_in_order(self._source, chosen, LARGEST_FILE):
            if isinstance(outcome, Content) and self._bytes + len(outcome.data) <= KEPT_BYTES:
                self._kept[found.path] = outcome.data
                self._bytes += len(outcome.data)
            yield found, outcome

    def again(self, found: Found) -> bytes | None:
        """The bytes of a file that was read before; None where they are gone."""
        if found.path in self._kept:
            return self._kept[found.path]
        outcome = self._source.read(found, LARGEST_FILE)
        return outcome.data if isinstance(outcome, Content) else None


def take_sample(surveyed: Survey, files: Files, say: Say, clock: Callable[[], float] = time.monotonic) -> Sample:
    """Open the chosen files until all are, or a bound is reached; says how far it is."""
    began = said_at = clock()
    looks, unusable, ignored, read_bytes, cut_by = list[Look](), list[Unusable](), 0, 0, ""
    for number, (found, outcome) in enumerate(files.read(iter(surveyed.chosen)), start=1):
        match outcome:
            case NoImage():
                ignored += 1
            case Content(data):
                read_bytes += len(data)
                seen = look_at(found.path, data)
                if isinstance(seen, Look):
                    looks.append(seen)
                else:
                    unusable.append(seen)
            case TooLarge(size_bytes):
                unusable.append(Unusable(found.path, str(Refusal.too_many_bytes), f"{size_bytes:,} bytes"))
            case _:
                unusable.append(Unusable(found.path, "unreadable", f"{storable(found.path)}: {outcome.detail}"))
        now = clock()
        if now - said_at >= SAY_EVERY_S:
            said_at = now
            say(f"looked at {number:,} of {len(surveyed.chosen):,} files, {_left(now - began, number, surveyed)}")
        if number < len(surveyed.chosen) and (read_bytes > MOST_BYTES or now - began > MOST_S):
            cut_by = f"{read_bytes / 1e9:.1f} GB" if read_bytes > MOST_BYTES else f"{now - began:.0f} s"
            break
    return Sample(tuple(looks), tuple(unusable), ignored, cut_by)


def _left(seconds: float, done: int, surveyed: Survey) -> str:
    left = seconds / done * (len(surveyed.chosen) - done)
    return f"about {min(left, MOST_S):.0f} s left"
