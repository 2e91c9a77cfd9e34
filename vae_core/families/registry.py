"""Every family that is known here, found by the word that a config and its model have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from vae_core.families.columns import Column
from vae_core.families.conv_ae.family import ConvAeFamily
from vae_core.families.conv_vae.family import ConvVaeFamily
from vae_core.families.family import Family
from vae_core.families.vq_vae.family import VqVaeFamily


class Named(Protocol):
    """A config or a model: both say of which family they are."""

    @property
    def variant(self) -> str:
        """The family's word."""
        ...


FAMILIES: dict[str, Family[Any, Any]] = {}
"""By their words, in the order in which they were registered."""


def register(family: Family[Any, Any]) -> None:
    """Make a family known: from then on its configs are accepted, and its models trained, judged and served.

    ValueError where the word is taken, or where another family declares a column of the same name otherwise: what
    versions and telemetry have stored under a name means one thing.
    """
    if family.variant in FAMILIES:
        raise ValueError(f"family {family.variant}: the word is taken; choose another variant")
    declared = {each.name: each for known in FAMILIES.values() for each in known.columns}
    for column in family.columns:
        if declared.get(column.name, column) != column:
            raise ValueError(
                f"family {family.variant}: column {column.name} is declared as {declared[column.name]} already, came "
                f"{column}; choose another name"
            )
    FAMILIES[family.variant] = family


for each in (ConvVaeFamily(), VqVaeFamily(), ConvAeFamily()):
    register(each)


def family_of(named: Named) -> Family[Any, Any]:
    """The family of a config or of a model."""
    return FAMILIES[named.variant]


def served_families() -> tuple[Family[Any, Any], ...]:
    """Those that versions may hold, whose traffic is scored and watched."""
    return tuple(each for each in FAMILIES.values() if each.is_served)


def columns_named(names: Iterable[str]) -> tuple[Column, ...] | None:
    """The columns of a served family that are just these, in its order; None where no family has just these."""
    wanted = set(names)
    return next((each.columns for each in served_families() if {own.name for own in each.columns} == wanted), None)


def closest_columns(names: Iterable[str]) -> tuple[Column, ...]:
    """The columns of the served family that has most of these; of equal ones the first family's."""
    return max(
        (each.columns for each in served_families()),
        key=lambda columns: len({own.name for own in columns} & set(names)),
    )


def family_telling(result: object) -> Family[Any, Any] | None:
    """The family whose figures are those that a result has; None where there is none."""
    told = {name for each in FAMILIES.values() for name in each.figures if getattr(result, name) is not None}
    return next((each for each in FAMILIES.values() if set(each.figures) == told), None)


def family_reporting(progress: object) -> Family[Any, Any]:
    """The family whose figures a report of a training has; KeyError where there is none."""
    told = {name for each in FAMILIES.values() for name in each.reported if getattr(progress, name) is not None}
    return {frozenset(each.reported): each for each in FAMILIES.values()}[frozenset(told)]
