"""What a person can do next with a version, in one sentence: on its page, in the refusals, in the commands."""

from __future__ import annotations

from deploy.delivery.causes import Cause
from deploy.delivery.history import Delivery
from deploy.release import Release


def say_override(version: str) -> str:
    """The command against a gate, or against a trial that was lost."""
    return f"`latentloop override {version} --reason TEXT`"


def say_approve(version: str) -> str:
    """Both ways to approve."""
    return f"set `approval` to `approved`, or `latentloop approve {version}`"


def say_only_one() -> str:
    """What there is to do about a version that serves while none before it is kept."""
    return (
        "no version before it is kept that could serve again: another version takes its place once it is approved "
        "(`latentloop approve VERSION`), and `latentloop down` stops serving"
    )


def say_promoted(version: str, digest: str, release: Release) -> str:
    """The sentence for a promoted version: it serves, it is kept for a rollback, or a successor serves."""
    if release.champion is not None and release.champion.digest == digest:
        if release.previous is None:
            return f"it serves; {say_only_one()}"
        return "it serves; `latentloop rollback --reason TEXT` takes it back"
    if release.previous is not None and release.previous.digest == digest:
        return f"version {_served(release)} took its place; `latentloop rollback --reason TEXT` makes it serve again"
    return f"version {_served(release)} took its place; to have it tried again: {say_approve(version)}"


def say_next(version: str, digest: str, delivery: Delivery, cause: Cause | None, release: Release) -> str:
    """The sentence for a version that stands there; `cause`: why it was taken back, where it was."""
    if delivery == "promoted":
        return say_promoted(version, digest, release)
    if delivery != "rolled_back":
        return "it is on trial, see `latentloop status`; to take it back set `approval` to `rejected`"
    if cause is not None and cause.needs_override:
        return f"to have it tried again: {say_override(version)}, then {say_approve(version)}"
    return f"to have it tried again: {say_approve(version)}"


def _served(release: Release) -> str:
    return release.champion.version if release.champion is not None else "?"
