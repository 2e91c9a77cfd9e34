"""What was found and not packed: counted, and the first few by name, so that nothing is left out without a word."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from latentloop.sources.names import ending_of, storable

NAMED_AT_MOST = 3


class Left(StrEnum):
    """Why something was left out; the value is how it is said of several."""

    hidden = "hidden"
    link = "links, which are not followed"
    linked_folder = "linked folders, which are not followed"
    no_file = "pipes, sockets or devices"
    own_home = "the home of this installation"
    unreadable = "unreadable"
    changing = "changed or gone while they were read: run again"
    waiting = "not complete yet"


class Named(BaseModel):
    """How many, and the first few of them with what is known about each."""

    model_config = ConfigDict(frozen=True)

    count: int = 0
    first: tuple[str, ...] = ()

    def with_another(self, name: str) -> Named:
        """One more."""
        return Named(count=self.count + 1, first=(*self.first, name) if self.count < NAMED_AT_MOST else self.first)

    def __str__(self) -> str:
        more = self.count - len(self.first)
        return ", ".join(self.first) + (f" and {more:,} more" if more else "")


@dataclass(slots=True)
class Tally:
    """Counts while a source is looked through and read."""

    ignored: Counter[str] = field(default_factory=Counter)
    left_out: dict[Left, Named] = field(default_factory=dict)
    too_large: Named = Named()
    tables: int = 0

    def ignore(self, path: str) -> None:
        """A file that no image program would open, by its ending."""
        self.ignored[ending_of(path)] += 1

    def leave_out(self, why: Left, path: str, detail: str = "") -> None:
        """Something that is no part of what was received."""
        name = storable(path) + (f" ({detail})" if detail else "")
        self.left_out[why] = self.left_out.get(why, Named()).with_another(name)

    def refuse_size(self, path: str, size_bytes: int) -> None:
        """A file above the limit, refused by its size alone."""
        self.too_large = self.too_large.with_another(f"{storable(path)} ({size_bytes:,} bytes)")
