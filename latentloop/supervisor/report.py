"""What the supervisor knows of its parts, for everybody who asks: `run/children.json` under the home."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from latentloop.supervisor.judging import Phase
from latentloop.supervisor.lock import Holder, this_process

REPORT_FILE = Path("run") / "children.json"
PUBLISH_S, STALE_S = 10.0, 120.0


class PartReport(BaseModel):
    """One process, store or step of the start: where it stands since when, and why where that is no good news."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    phase: Phase
    since: AwareDatetime
    reason: str = ""
    pid: int | None = None

    @property
    def line(self) -> str:
        """`mlflow server is left down since 10:31:05: ...`."""
        return f"{self.name} is {self.phase} since {self.since.astimezone():%H:%M:%S}" + (
            f": {self.reason}" if self.reason else ""
        )


def say_parts(parts: Sequence[PartReport]) -> list[str]:
    """A line each, and one for all that are alike for the same reason: since the first of them is."""
    alike: dict[tuple[Phase, str], list[PartReport]] = {}
    for each in parts:
        alike.setdefault((each.phase, each.reason), []).append(each)
    return [_say_alike(group) for group in alike.values()]


def _say_alike(group: Sequence[PartReport]) -> str:
    first = min(group, key=lambda each: each.since)
    if len(group) == 1:
        return first.line
    names = f"{', '.join(each.name for each in group[:-1])} and {group[-1].name}"
    return f"{names} are {first.line.removeprefix(f'{first.name} is ')}"


class Report(BaseModel):
    """All parts as the supervisor `holder` saw them at `at`; `started`: the start is over, well or not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    holder: Holder
    at: AwareDatetime
    started: bool
    parts: tuple[PartReport, ...]

    @property
    def missing(self) -> tuple[PartReport, ...]:
        """What is not up."""
        return tuple(part for part in self.parts if part.phase is not Phase.up)


class Publication:
    """The report of this process: written when it changed, and every ten seconds, so that one sees that it lives."""

    def __init__(self, home: Path) -> None:
        self._home, self._holder = home, this_process()
        self._last: tuple[bool, tuple[PartReport, ...]] | None = None
        self._written_at = 0.0
        self.started = False

    def publish(self, parts: tuple[PartReport, ...], now: float) -> str | None:
        """Write it unless it is there; returns what is to be said where that fails."""
        fresh = (self.started, parts)
        if fresh == self._last and now - self._written_at < PUBLISH_S:
            return None
        self._last, self._written_at = fresh, now
        try:
            write_report(
                self._home, Report(holder=self._holder, at=datetime.now(UTC), started=self.started, parts=parts)
            )
        except OSError as error:  # a full disk or a home that was removed must not end what runs
            return f"the report of the processes cannot be written: {error}"
        return None


def write_report(home: Path, report: Report) -> None:
    """Replace the file at once, mode 0600."""
    path = home / REPORT_FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{path.name}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(report.model_dump_json(indent=2))
    temporary.replace(path)


def read_report(home: Path) -> Report | None:
    """The newest report of a supervisor that still runs, or None."""
    try:
        found = Report.model_validate(json.loads((home / REPORT_FILE).read_text()))
    except (FileNotFoundError, NotADirectoryError, ValidationError, json.JSONDecodeError):
        return None
    return found if found.holder.alive else None


def read_children(home: Path) -> tuple[PartReport, ...]:
    """The parts of the installation that runs, or is being started, from this home; none when nothing runs.

    A supervisor that hangs is a part that does not answer: what the others are is old news then.
    """
    found = read_report(home)
    if found is None:
        return ()
    if datetime.now(UTC) - found.at < timedelta(seconds=STALE_S):
        return found.parts
    reason = "it does not look after its processes; end them with `latentloop down`, then `latentloop up`"
    hanging = PartReport(name="the supervisor", phase=Phase.silent, since=found.at, reason=reason, pid=found.holder.pid)
    return (hanging, *found.parts)
