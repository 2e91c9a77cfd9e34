"""What others read of the supervisor's parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from latentloop.supervisor.judging import Phase
from latentloop.supervisor.lock import Holder, this_process
from latentloop.supervisor.report import (
    REPORT_FILE,
    PartReport,
    Publication,
    Report,
    read_children,
    read_report,
    say_parts,
    write_report,
)

NOW = datetime.now(UTC)
UP = PartReport(name="service", phase=Phase.up, since=NOW, pid=7)
DOWN = PartReport(name="mlflow server", phase=Phase.left_down, since=NOW, reason="ended with exit code 1")


def report(at: datetime = NOW, holder: Holder | None = None) -> Report:
    return Report(holder=holder or this_process(), at=at, started=True, parts=(UP, DOWN))


def test_a_report_is_read_as_it_was_written_and_is_for_this_user_alone(tmp_path: Path) -> None:
    fresh = report(at=datetime.now(UTC))
    write_report(tmp_path, fresh)
    assert read_report(tmp_path) == fresh
    assert read_children(tmp_path) == (UP, DOWN)
    assert (tmp_path / REPORT_FILE).stat().st_mode & 0o777 == 0o600


def test_a_part_that_is_not_up_is_one_line_with_its_reason() -> None:
    assert [part.line for part in report().missing] == [
        f"mlflow server is left down since {NOW.astimezone():%H:%M:%S}: ended with exit code 1"
    ]


def test_the_report_of_a_supervisor_that_is_gone_says_nothing(tmp_path: Path) -> None:
    assert read_children(tmp_path) == ()
    write_report(tmp_path, report(holder=Holder(pid=this_process().pid, born=1.0)))
    assert read_children(tmp_path) == (), "the pid is another process's now"
    (tmp_path / REPORT_FILE).write_text("{half a rep")
    assert read_children(tmp_path) == ()


def test_a_supervisor_that_hangs_is_named_first(tmp_path: Path) -> None:
    write_report(tmp_path, report(at=NOW - timedelta(minutes=10)))
    hanging, *parts = read_children(tmp_path)
    assert (hanging.name, hanging.phase, hanging.pid) == ("the supervisor", Phase.silent, this_process().pid)
    assert "`latentloop down`" in hanging.reason
    assert parts == [UP, DOWN]


def test_a_report_is_written_when_it_changed_and_now_and_then_as_a_sign_of_life(tmp_path: Path) -> None:
    publication = Publication(tmp_path)

    def written(now: float, *parts: PartReport) -> bool:
        (tmp_path / REPORT_FILE).unlink(missing_ok=True)
        assert publication.publish(parts, now) is None
        return (tmp_path / REPORT_FILE).exists()

    assert written(0.0, UP)
    assert not written(1.0, UP)
    assert written(2.0, UP, DOWN)
    assert not written(11.9, UP, DOWN)
    assert written(12.0, UP, DOWN)
    publication.started = True
    assert written(12.1, UP, DOWN)


def test_a_report_that_cannot_be_written_is_said_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    said = Publication(tmp_path).publish((UP,), 0.0)
    assert said is not None and said.startswith("the report of the processes cannot be written: ")


def test_parts_that_are_down_for_one_reason_are_one_line_since_the_first() -> None:
    server = DOWN.model_copy(update={"name": "prefect server", "since": NOW - timedelta(minutes=5)})
    worker = DOWN.model_copy(update={"name": "worker"})
    other = DOWN.model_copy(update={"name": "service", "reason": "its port is taken"})

    lines = say_parts([DOWN, other, server, worker])

    assert lines == [
        f"mlflow server, prefect server and worker are left down since {server.since.astimezone():%H:%M:%S}: "
        "ended with exit code 1",
        other.line,
    ]
    assert say_parts([DOWN]) == [DOWN.line] and say_parts([]) == []
