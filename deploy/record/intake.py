"""Ledger lines of what was taken in, held or decided in the quarantine; the counts of an ingest are such a line."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from pydantic import BaseModel, ConfigDict, Field

from deploy.record.kind import Kind

_LINE = ConfigDict(frozen=True, extra="forbid")


class ColourCounts(BaseModel):
    """Of `compared` pictures `odd` are coloured as hardly any of the catalogue's; of good ones `expected` would be."""

    model_config = _LINE

    schema_version: int = 1
    compared: int = 0
    odd: int = 0
    expected: float = 0.0
    named: tuple[str, ...] = ()

    @property
    def unlike(self) -> bool:
        """More than chance makes of good pictures in one of 10,000 ingests (Poisson; at least three)."""
        from scipy.special import pdtrc

        return self.odd >= 3 and float(pdtrc(self.odd - 1, self.expected)) < 1e-4

    @classmethod
    def sum(cls, several: Iterable[ColourCounts]) -> ColourCounts:
        """All of them together, with the first names."""
        each = list(several)
        return cls(
            compared=sum(one.compared for one in each),
            odd=sum(one.odd for one in each),
            expected=sum(one.expected for one in each),
            named=tuple(name for one in each for name in one.named)[:3],
        )


class IngestCounts(BaseModel):
    """What one ingest did. `accepted + converted + quarantined = received`, always.

    `accepted` came as they are used, `converted` were accepted after a conversion. `policy`: digest of what decided,
    empty in lines of before it was kept.
    """

    model_config = _LINE

    schema_version: int = 1
    segments: int = 0
    received: int = 0
    accepted: int = 0
    converted: int = 0
    quarantined: int = 0
    reasons: dict[str, int] = Field(default_factory=dict)
    held: str = ""
    policy: str = ""
    colours: ColourCounts = ColourCounts()
    catalogue_version: int = 0


class SegmentUnreadable(BaseModel):
    """A captured segment that is no Parquet file of ours, and why."""

    model_config = _LINE

    reason: str


class BatchHeld(BaseModel):
    """Images that wait for a person, and the segments that they are in."""

    model_config = _LINE

    reason: str
    segments: tuple[str, ...]


class Vouched(BaseModel):
    """What a person decided about images of the quarantine: how many, in which segments."""

    model_config = _LINE

    reason: str
    images: int
    segments: tuple[str, ...]


def _say(counts: IngestCounts) -> str:
    return counts.held or f"{counts.accepted + counts.converted:,} of {counts.received:,} images accepted"


INGEST = Kind("ingest", IngestCounts, say=_say)
"""About a segment: where it stands after a round; the newest line counts."""

INGEST_UNREADABLE = Kind("ingest-unreadable", SegmentUnreadable, say=attrgetter("reason"))
INGEST_HELD = Kind("ingest-held", BatchHeld, say=attrgetter("reason"))
"""About the first segment of the batch."""

QUARANTINE_RELEASED = Kind("quarantine-released", Vouched, say=attrgetter("reason"))
QUARANTINE_DISCARDED = Kind("quarantine-discarded", Vouched, say=attrgetter("reason"))
"""About the product."""
