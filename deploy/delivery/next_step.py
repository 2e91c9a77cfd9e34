"""What a person can do next with a version, in one sentence: on its page, in the refusals, in the commands."""

from __future__ import annotations

from deploy.delivery.causes import Cause
from deploy.delivery.history import Delivery


def say_override(version: str) -> str:
    """The command against a gate, or against a trial that was lost."""
    return f"`latentloop override {version} --reason TEXT`"


def say_approve(version: str) -> str:
    """Both ways to approve."""
    return f"set `approval` to `approved`, or `latentloop approve {version}`"


def say_next(version: str, delivery: Delivery, cause: Cause | None) -> str:
    """The sentence for a version that stands there; `cause`: why it was taken back, where it was."""
    if delivery == "promoted":
        return "it serves; `latentloop rollback --reason TEXT` takes it back"
    if delivery != "rolled_back":
        return "it is on trial, see `latentloop status`; to take it back set `approval` to `rejected`"
    if cause is not None and cause.needs_override:
        return f"to have it tried again: {say_override(version)}, then {say_approve(version)}"
    return f"to have it tried again: {say_approve(version)}"
