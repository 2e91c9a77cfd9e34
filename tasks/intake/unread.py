"""Files that are too large to be read: in quarantine by their names, without their bytes.

Each place has a segment of its own for them, which is none of the captures, so that nothing is judged again without its
file: the next ingest of the place says which are still there, and still too large.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING

from deploy.wiring import World

if TYPE_CHECKING:
    pass

UNREAD = "unread/"
_GONE = "it is not there any more, or no longer too large"


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file of which only the size was looked at; `captured_at`: its own time, aware."""

    name: str
    source: str
    captured_at: datetime
    size_bytes: int


def note_unread(world: World, place: str, files: Sequence[UnreadFile], now: datetime) -> None:
    """Put into quarantine which files of a place are too large now; of those before, the others end their stay."""
    from data_checks.batch import decision_digest
    from data_checks.intake.file import say_too_many_bytes
    from data_checks.refusal import Refusal
    from deploy.stores.catalogue_rows import DISCARDED, QuarantineRow

    catalogue, settings = world.catalogue, world.settings
    policy = decision_digest(settings.input_policy, settings.preprocessing)
    segment = f"{UNREAD}{hashlib.sha256(place.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"
    columns = ["source", "captured_at", "name", "detail"]
    before = {each["name"]: each for each in catalogue.decisions(columns).to_pylist() if each["segment"] == segment}
    number = 1 + max((each["round"] for each in before.values()), default=-1)
    fresh, rows = count(len(before)), []
    for each in files:
        known, detail = before.get(each.name), say_too_many_bytes(each.size_bytes, settings.input_policy)
        decision = (Refusal.too_many_bytes.value, detail, policy)
        if known is None or (known["reason"], known["detail"], known["policy"]) != decision:
            row = known["row"] if known is not None else next(fresh)
            said = (each.source, segment, row, each.captured_at, each.name, *decision[:2])
            rows.append(QuarantineRow(*said, None, b"", policy, number, now))
    named = {each.name for each in files}
    for name, each in before.items():
        if name not in named and each["reason"] != DISCARDED:
            gone = (each["source"], segment, each["row"], each["captured_at"], name, DISCARDED, _GONE)
            rows.append(QuarantineRow(*gone, None, b"", policy, number, now))
    if rows:
        catalogue.append_quarantined(rows, [segment], {segment: number})
