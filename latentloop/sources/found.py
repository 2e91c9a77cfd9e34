"""What a source of images gives: files or objects as they are found, and then, one at a time, what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from latentloop.sources.tally import Left, Tally

SNIFFED_BYTES = 32
"""The first bytes of a file, by which an image is known whatever its name says."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file or object that was found and not read. `path` is relative to the top, with `/`, as the system names it.

    `stamp` is another one whenever the content may be; `changed_at` is the file's own time, aware.
    """

    path: str
    size_bytes: int
    stamp: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file that may be an image."""

    data: bytes


@dataclass(frozen=True, slots=True)
class NoImage:
    """A file that no image program would open: its first bytes are those of no image, and so is its name."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A file above the limit of the input policy: its size alone was looked at."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that could not be read this time, and why."""

    why: Left
    detail: str


Outcome = Content | NoImage | TooLarge | Unreadable


class Source(Protocol):
    """A folder or a bucket."""

    @property
    def place(self) -> str:
        """The place as a person names it; the same for the same place, from wherever it is named."""
        ...

    @property
    def name(self) -> str:
        """The place's own short name: the source of images that nothing else is known of."""
        ...

    @property
    def reads_at_once(self) -> int:
        """How many reads at the same time are faster than one."""
        ...

    def look(self, tally: Tally) -> Iterator[Found]:
        """Every visible file in the order of the bytes of its path; what is left out goes to the tally.

        Never the whole list at once: of a folder one sub-folder's names, of a bucket one page.
        """
        ...

    def read(self, found: Found, most_bytes: int) -> Outcome:
        """The content, unless it is larger than `most_bytes`, no image, or not to be had; safe in threads."""
        ...

    def read_table(self, found: Found) -> bytes:
        """The whole of a file that is a table of labels."""
        ...
