"""The releases of the past, from the ledger."""

from __future__ import annotations

from deploy.delivery.history import Fate, trace_fates
from deploy.release import Release
from deploy.stores.sql.ledger import Ledger

RELEASES = 500  # what became of versions before these many changes is settled, and in their tags


def read_fates(ledger: Ledger) -> dict[str, Fate]:
    """What became of each version lately; the swap of a release writes its line in the same transaction."""
    entries = ledger.entries("release", limit=RELEASES)
    return trace_fates([Release.model_validate_json(each.body) for each in reversed(entries)])
