"""Runs of a schedule's slots, each in a process of its own: when they were due, how they start and die."""

from __future__ import annotations

from datetime import datetime, timedelta

from tasks.claim import claim_trigger
from tasks.run.slots import name_slot
from tasks.values import Claimed
from tests.tasks.opened import forget, opened


def due(days_ago: float) -> datetime:
    """When a slot was due."""
    return opened().now() - timedelta(days=days_ago)


def start(deployment: str, slot: datetime) -> Claimed:
    """A slot's run in a process of its own."""
    forget()
    return claim_trigger.fn(opened(), name_slot(deployment, slot), deployment, "schedule")


def kill(claimed: Claimed) -> None:
    """Its lease ends with it."""
    opened().ledger.release_claim(claimed.key, claimed.owner, opened().now())
