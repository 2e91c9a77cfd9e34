"""Ledger lines of the registry: in which model of which birth this installation's versions are registered.

Numbers of versions mean nothing in another registry. So it is said when one stands behind the same address, as after
MLflow was set up anew or the product renamed; what serves goes on by its digest.
"""

from __future__ import annotations

from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict

from deploy.record.kind import Kind
from deploy.shown_time import show_time

if TYPE_CHECKING:
    from deploy.stores.mlflow.registry import Registry
    from deploy.stores.sql.ledger import Ledger


class RegistrySeen(BaseModel):
    """The registered model that holds the versions: its name, when it was made, and at which address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product: str
    born: AwareDatetime
    url: str
    reason: str


REGISTRY = Kind("registry", RegistrySeen, say=attrgetter("reason"))
"""About the product."""


def note_registry(ledger: Ledger, registry: Registry, now: datetime) -> None:
    """Write down where versions are registered from now on; nothing where that is on record."""
    born, before = registry.born(), REGISTRY.newest(ledger)
    if born is None or (before is not None and _is_same(before.body, registry, born)):
        return
    told = f"versions are registered in model {registry.product} of MLflow at {registry.url}, made {_when(born)}"
    reason = f"{told}; those before in {before.body.product}, made {_when(before.body.born)}" if before else told
    seen = RegistrySeen(product=registry.product, born=born, url=registry.url, reason=reason)
    REGISTRY.write(ledger, registry.product, seen, now)


def find_other_registry(ledger: Ledger, registry: Registry) -> str:
    """One line where the registry is not the one that holds this installation's versions; else empty.

    StoreError where the registry does not answer.
    """
    before = REGISTRY.newest(ledger)
    if before is None:
        return ""
    born, known = registry.born(), before.body
    if born is not None and _is_same(known, registry, born):
        return ""
    there = f"was made {_when(born)}" if born is not None else "is not there"
    return (
        f"another registry: model {registry.product} of MLflow at {registry.url} {there}, and this installation's "
        f"versions are in model {known.product}, made {_when(known.born)}. Was MLflow set up anew, or the product "
        "renamed? What serves goes on, by its digest; versions of the old registry can no longer be approved"
    )


def _is_same(known: RegistrySeen, registry: Registry, born: datetime) -> bool:
    return (known.product, known.born) == (registry.product, born)


def _when(born: datetime) -> str:
    return show_time(born.astimezone(UTC), "UTC")
