"""What lies in quarantine, by reason: how many images, since when, and what would let them in."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deploy.stores.catalogue_rows import ENDED
from deploy.wiring import World
from latentloop.errors import NothingToDo
from tasks.intake.unread import UNREAD


@dataclass(frozen=True, slots=True)
class Refused:
    """An image that is refused as things are; `since`: of its first refusal, where that is known.

    digest: of its pixels, None where it has none; equal_to: the name of the catalogue's image with these pixels, where
    somebody looked for it.
    """

    segment: str
    row: int
    name: str
    source: str
    reason: str
    detail: str
    policy: str
    since: datetime | None
    mean: float | None
    variance: float | None
    entropy_bits: float | None
    digest: str | None = None
    equal_to: str = ""

    @property
    def told(self) -> str:
        """The detail as a person reads it, with both names where it is of two images."""
        return f"equal to {ascii(self.equal_to)} of the catalogue: {self.detail}" if self.equal_to else self.detail

    @property
    def unread(self) -> bool:
        """Is it known by its size alone?"""
        return self.segment.startswith(UNREAD)

    @property
    def id(self) -> str:
        """Names it on the command line."""
        return f"{hashlib.sha256(self.segment.encode()).hexdigest()[:8]}-{self.row}"


def read_refused(world: World) -> list[Refused]:
    """Everything that is refused now, in the order of segment and row."""
    catalogue = world.catalogue
    columns = ["name", "source", "detail", "mean", "variance", "entropy_bits", "digest"]
    newest = catalogue.decisions(columns).to_pylist()
    first: dict[tuple[str, int], datetime | None] = {}
    for each in catalogue.read(["segment", "row", "round", "decided_at"], table="quarantine").to_pylist():
        place, at = (each["segment"], each["row"]), each["decided_at"]
        if at is not None and ((before := first.get(place)) is None or at < before):
            first[place] = at
    return [
        Refused(
            **{name: each[name] for name in ("segment", "row", "reason", "policy", *columns)},
            since=first.get((each["segment"], each["row"])),
        )
        for each in newest
        if each["reason"] not in ENDED
    ]


def choose(refused: Sequence[Refused], named: Sequence[str]) -> list[Refused]:
    """The refused images that are meant by `all`, by reasons, or by ids; NothingToDo where a name fits none."""
    if "all" in named:
        chosen, unknown = list(refused), []
    else:
        known = {name for each in refused for name in (each.id, each.reason)}
        unknown = [name for name in named if name not in known]
        chosen = [each for each in refused if each.id in named or each.reason in named]
    if unknown or not chosen:
        reasons = ", ".join(sorted({each.reason for each in refused})) or "none, it is empty"
        which = f"nothing in quarantine is called {unknown[0]!r}" if unknown else "nothing is in quarantine"
        raise NothingToDo(
            f"{which}: expected `all`, an id of `latentloop quarantine show`, or one of the reasons ({reasons})"
        )
    return chosen


def by_segment(refused: Sequence[Refused]) -> dict[str, list[int]]:
    """Their rows, as tasks take them."""
    rows: dict[str, list[int]] = defaultdict(list)
    for each in refused:
        rows[each.segment].append(each.row)
    return dict(rows)
