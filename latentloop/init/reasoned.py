"""A value that is proposed, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reasoned(Generic[T]):
    """`why` stands beside the value in the settings file: a few words."""

    value: T
    why: str


def said(value: T) -> Reasoned[T]:
    """What the person chose needs no other reason."""
    return Reasoned(value, "as you said")
