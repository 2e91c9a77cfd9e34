"""What became of the files of a folder or bucket: `received = accepted + converted + refused + ignored`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, computed_field

from data_checks.refusal import Refusal
from deploy.record.intake import ColourCounts, IngestCounts
from deploy.stores.catalogue_rows import LABEL_DIFFERS, LABELLED
from latentloop.sources.packing import Packed
from latentloop.sources.tally import Named

_NO_LOSS = frozenset({Refusal.duplicate.value, LABEL_DIFFERS})
"""Refused, but nothing that is not in the catalogue already."""


class FolderCounts(BaseModel):
    """`received` are the files that were found: `accepted + converted + labelled + refused + ignored`.

    `labelled` are known images that had no label in the catalogue, and have one now. `quarantined` and `too_large`
    (never read) make `refused`. `gone` of them were received once and are no longer there, or not as they were.
    `left_out` and `tables` are no part of what was received. `known`: every file was ingested before, and nothing was
    judged anew since `judged_at`.
    """

    model_config = ConfigDict(frozen=True)

    segments: int
    received: int
    accepted: int
    converted: int
    labelled: int = 0
    quarantined: int
    reasons: dict[str, int]
    too_large: Named = Named()
    held: tuple[str, ...] = ()
    ignored_endings: dict[str, int] = {}
    left_out: dict[str, Named] = {}
    tables: int = 0
    unlabelled: int = 0
    gone: int = 0
    known: bool = False
    judged_at: AwareDatetime | None = None
    colours: ColourCounts = ColourCounts()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ignored(self) -> int:
        """Files that no image program would open."""
        return sum(self.ignored_endings.values())

    @computed_field  # type: ignore[prop-decorator]
    @property
    def refused(self) -> int:
        """Files that could be images and are not in the catalogue."""
        return self.quarantined + self.too_large.count

    @property
    def mostly_refused(self) -> bool:
        """Was more than half of what could be an image refused or held? What was in the catalogue is not lost."""
        lost = self.refused - sum(self.reasons.get(reason, 0) for reason in _NO_LOSS)
        return 2 * lost > self.received - self.ignored


def sum_counts(
    packed: Packed, judged: Sequence[IngestCounts], known: bool, judged_at: datetime | None = None
) -> FolderCounts:
    """Add up what the packing found and what the ingest said of each of its segments, the last of it at `judged_at`."""
    tally, reasons = packed.tally, Counter[str]()
    for each in judged:
        reasons.update(each.reasons)
    if tally.too_large.count:
        reasons[Refusal.too_many_bytes.value] += tally.too_large.count
    labelled = reasons.pop(LABELLED, 0)
    in_segments = sum(each.received for each in judged)
    return FolderCounts(
        segments=len(packed.segments),
        received=in_segments + tally.too_large.count + tally.ignored.total(),
        accepted=sum(each.accepted for each in judged),
        converted=sum(each.converted for each in judged),
        labelled=labelled,
        quarantined=sum(each.quarantined for each in judged) - labelled,
        reasons=dict(reasons.most_common()),
        too_large=tally.too_large,
        held=tuple(dict.fromkeys(each.held for each in judged if each.held)),
        ignored_endings=dict(tally.ignored.most_common()),
        left_out={why.value: named for why, named in tally.left_out.items()},
        tables=tally.tables,
        unlabelled=packed.unlabelled,
        gone=in_segments - packed.images,
        known=known,
        judged_at=judged_at,
        colours=ColourCounts.sum(each.colours for each in judged),
    )
