"""Ledger lines of what a person decided about a version, and of approvals that were refused."""

from __future__ import annotations

from operator import attrgetter

from pydantic import BaseModel, ConfigDict

from deploy.record.kind import Kind

_LINE = ConfigDict(frozen=True, extra="forbid")


class Decision(BaseModel):
    """A person's word on a digest. `how`: by which way it came; `who` and `reason` are known of a command only.

    `after`: the release that had taken the version back before; 0 where none had.
    """

    model_config = _LINE

    digest: str
    how: str
    who: str = ""
    reason: str = ""
    after: int = 0


class RefusedApproval(BaseModel):
    """An approval that was not followed, and why."""

    model_config = _LINE

    digest: str
    reason: str


class OverrideLine(BaseModel):
    """A decision against the gate, or against a lost trial. `epoch`: the release that had taken it back, or 0."""

    model_config = _LINE

    digest: str
    reason: str
    who: str = ""
    epoch: int = 0


def _say(decision: Decision) -> str:
    return decision.reason or decision.how


APPROVAL = Kind("approval", Decision, say=_say)
REJECTION = Kind("rejection", Decision, say=_say)
APPROVAL_REFUSED = Kind("approval-refused", RefusedApproval, say=attrgetter("reason"))
OVERRIDE = Kind("override", OverrideLine, say=attrgetter("reason"))
