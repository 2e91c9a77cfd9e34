"""Files become capture segments: named by their content, in the order of their paths, one in memory at a time.

Packing a place twice makes nothing twice; what did not change is not read again. Interrupted anywhere, the segments
that were written are kept, and the next run goes on behind them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from deploy.stores.objects.captures import CapturedImage, CaptureStore
from latentloop.sources.found import Content, Found, NoImage, Outcome, Source, TooLarge
from latentloop.sources.meaning import Meant
from latentloop.sources.names import storable
from latentloop.sources.packed_files import PackedFile, PackedFiles
from latentloop.sources.reading import read_in_order
from latentloop.sources.survey import Survey
from latentloop.sources.tally import Left, Tally
from latentloop.timing.pace import Pace
from tasks.intake.unread import UnreadFile

SEGMENT_IMAGES = 1_000
SEGMENT_BYTES = 64 * 2**20

IsComplete = Callable[[Found], bool]


@dataclass(slots=True)
class Packed:
    """What packing a place came to.

    `segments` hold every image of it: how many each holds of those that are there now. `fresh` are those of them that
    were not in the store before. `unlabelled`: images of which the tables beside them say nothing. `unread`: files that
    are too large.
    """

    tally: Tally = field(default_factory=Tally)
    segments: Counter[str] = field(default_factory=Counter)
    fresh: list[str] = field(default_factory=list)
    unlabelled: int = 0
    unread: list[UnreadFile] = field(default_factory=list)

    @property
    def images(self) -> int:
        """In all segments."""
        return self.segments.total()

    def only(self, segments: Collection[str]) -> Packed:
        """Some of the segments, and nothing of what was left out."""
        kept = Counter({key: number for key, number in self.segments.items() if key in segments})
        return Packed(segments=kept, fresh=[key for key in self.fresh if key in segments])


class Packing:
    """Packs one place: files up to `most_bytes`, and of the new ones those that `is_complete` says are whole.

    A segment holds at most so many images, and so many bytes unless one file is larger.
    """

    def __init__(
        self,
        source: Source,
        survey: Survey,
        captures: CaptureStore,
        note: PackedFiles,
        most_bytes: int,
        is_complete: IsComplete = lambda found: True,
        *,
        segment_images: int = SEGMENT_IMAGES,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._source, self._survey, self._captures, self._note = source, survey, captures, note
        self._most_bytes, self._is_complete = most_bytes, is_complete
        self._segment_images, self._segment_bytes = segment_images, segment_bytes
        self._packed, self._there = Packed(), set[str]()
        self._images: list[CapturedImage] = []
        self._files: list[tuple[Found, Meant]] = []
        self._touched: list[PackedFile] = []
        self._bytes, self._seen = 0, 0

    def run(self, pace: Pace) -> Packed:
        """Write what is not written yet; StoreError when the store is full or away, with whole segments kept."""
        self._there = set(self._captures.segments())
        for found, outcome in read_in_order(self._source, self._to_read(pace), self._most_bytes):
            self._take(found, outcome)
        self._write()
        self._note.note(self._touched)
        return self._packed

    def _to_read(self, pace: Pace) -> Iterator[Found]:
        """The files that are neither tables, nor known as they are, nor still being written."""
        for found in self._source.look(self._packed.tally):
            self._seen += 1
            pace.at(self._seen)
            if found.path in self._survey.tables:
                self._packed.tally.tables += 1
                continue
            known = self._known(found)
            if known is not None and known.stamp == found.stamp:
                self._count(found.path, known.segment)
            elif not self._is_complete(found):
                self._packed.tally.leave_out(Left.waiting, found.path)
            else:
                yield found

    def _known(self, found: Found) -> PackedFile | None:
        """The file as it was packed, if the same was said of it and its segment is still there."""
        known = self._note.find(found.path)
        if known is None or known.segment not in self._there:
            return None
        return known if known.meant == self._survey.meaning.of(found.path).digest else None

    def _take(self, found: Found, outcome: Outcome) -> None:
        tally = self._packed.tally
        if isinstance(outcome, NoImage):
            tally.ignore(found.path)
        elif isinstance(outcome, TooLarge):
            tally.refuse_size(found.path, outcome.size_bytes)
            meant = self._survey.meaning.of(found.path)
            file = (storable(found.path), meant.source, meant.told_at or found.changed_at, outcome.size_bytes)
            self._packed.unread.append(UnreadFile(*file))
        elif isinstance(outcome, Content):
            self._take_image(found, outcome.data)
        else:
            tally.leave_out(outcome.why, found.path, outcome.detail)

    def _take_image(self, found: Found, data: bytes) -> None:
        known = self._known(found)
        if known is not None and known.sha256 == hashlib.sha256(data).digest():  # touched, not changed
            self._touched.append(replace(known, stamp=found.stamp))
            self._count(found.path, known.segment)
            return
        if self._bytes + len(data) > self._segment_bytes:
            self._write()
        meant = self._survey.meaning.of(found.path)
        self._images.append(
            CapturedImage(
                name=storable(found.path),
                source=meant.source,
                captured_at=meant.told_at or found.changed_at,
                data=data,
                label=meant.label,
            )
        )
        self._files.append((found, meant))
        self._bytes += len(data)
        if len(self._images) == self._segment_images:
            self._write()

    def _count(self, path: str, segment: str) -> None:
        labels = self._survey.meaning.labels
        self._packed.segments[segment] += 1
        self._packed.unlabelled += bool(labels.rows) and path not in labels.of

    def _write(self) -> None:
        """End the segment: into the store first, then into the note."""
        if not self._images:
            return
        told = [meant.told_at.isoformat() if meant.told_at else "" for _, meant in self._files]
        key = self._captures.write_by_content(self._images, "\n".join(told).encode() if any(told) else b"")
        if key not in self._there:
            self._packed.fresh.append(key)
            self._there.add(key)
        self._note.note(
            [
                PackedFile(found.path, meant.digest, found.stamp, hashlib.sha256(image.data).digest(), key)
                for (found, meant), image in zip(self._files, self._images, strict=True)
            ]
        )
        for found, _ in self._files:
            self._count(found.path, key)
        self._images, self._files, self._bytes = [], [], 0
