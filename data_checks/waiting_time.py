"""Which times of a policy are waiting that it asks for; only those may be compressed, never a technical limit.

A demo or a test lives through a day of waiting in minutes. What a machine needs (to load a version, to start a run, to
say that it lives) takes as long as it takes, however short the day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import BaseModel

Policy = TypeVar("Policy", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _AskedFor:
    """Marks a field."""


WaitingTime = Annotated[float, _AskedFor()]
"""Seconds that a policy waits because it wants to; `clock_factor` multiplies them."""


def waiting_times(policy: type[BaseModel]) -> frozenset[str]:
    """Names of the fields that are waiting."""
    fields = policy.model_fields.items()
    return frozenset(name for name, field in fields if any(isinstance(each, _AskedFor) for each in field.metadata))


def compress(policy: Policy, clock_factor: float) -> Policy:
    """Multiply the waiting by `clock_factor` (below 1 is faster); everything else stays as it is."""
    if not clock_factor > 0:
        raise ValueError(f"a clock factor is above 0, came {clock_factor}")
    times = {name: getattr(policy, name) * clock_factor for name in waiting_times(type(policy))}
    return policy.model_copy(update=times)
