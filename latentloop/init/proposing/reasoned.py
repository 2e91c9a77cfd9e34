"""A value that is proposed, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Reasoned(Generic[T_co]):
    """`why` stands beside the value in the settings file: a few words."""

    value: T_co
    why: str


def said(value: T) -> Reasoned[T]:
    """What the person chose needs no other reason."""
    return Reasoned(value, "as you said")
