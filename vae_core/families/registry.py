"""Every family of this release, found by the word that a config and its model have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

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


FAMILIES: Mapping[str, Family[Any, Any]] = {
    each.variant: each for each in (ConvVaeFamily(), VqVaeFamily(), ConvAeFamily())
}


def family_of(named: Named) -> Family[Any, Any]:
    """The family of a config or of a model."""
    return FAMILIES[named.variant]


SERVED: tuple[Family[Any, Any], ...] = tuple(each for each in FAMILIES.values() if each.is_served)
"""Those that versions may hold, whose traffic is scored and watched."""


def family_telling(result: object) -> Family[Any, Any] | None:
    """The family whose figures are those that a result has; None where there is none."""
    told = {name for each in FAMILIES.values() for name in each.figures if getattr(result, name) is not None}
    return next((each for each in FAMILIES.values() if set(each.figures) == told), None)


def family_reporting(progress: object) -> Family[Any, Any]:
    """The family whose figures a report of a training has; KeyError where there is none."""
    told = {name for each in FAMILIES.values() for name in each.reported if getattr(progress, name) is not None}
    return {frozenset(each.reported): each for each in FAMILIES.values()}[frozenset(told)]


def family_with(columns: Iterable[str]) -> Family[Any, Any] | None:
    """The served family whose scores have just these columns beside those of all; None where there is none."""
    wanted = set(columns)
    return next((each for each in SERVED if {column.name for column in each.columns} == wanted), None)
