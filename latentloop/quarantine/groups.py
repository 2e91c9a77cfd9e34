"""What is refused, reason by reason, each with what helps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pydantic import AwareDatetime, BaseModel, ConfigDict

from latentloop.quarantine.advice import advise
from latentloop.quarantine.state import Refused


class RefusedFor(BaseModel):
    """The images that are refused for one reason. `other_settings`: how many of them were judged by other settings."""

    model_config = ConfigDict(frozen=True)

    reason: str
    images: int
    since: AwareDatetime | None
    other_settings: int
    sources: dict[str, int]
    advice: str


def group_by_reason(refused: Sequence[Refused], policy: str, formats: Sequence[str]) -> list[RefusedFor]:
    """The most frequent reason first; `policy`: digest of today's, `formats`: what it takes."""
    groups: dict[str, list[Refused]] = defaultdict(list)
    for each in refused:
        groups[each.reason].append(each)
    return [
        RefusedFor(
            reason=reason,
            images=len(rows),
            since=min((each.since for each in rows if each.since is not None), default=None),
            other_settings=sum(1 for each in rows if each.policy != policy),
            sources=_count([each.source for each in rows]),
            advice=advise(reason, rows, formats),
        )
        for reason, rows in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    ]


def _count(names: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for name in names:
        counts[name] += 1
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
