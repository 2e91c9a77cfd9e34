"""What the status says of runs that had to be asked for again, on a home whose servers are all away."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from deploy.controller.trials import record_beginning
from deploy.record.drift_lines import DRIFT, DRIFT_EVENT, DriftEvent, DriftLine
from deploy.release import Release, ServedVersion
from deploy.stores.sql.database import migrate, open_engine
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.release import ReleaseStore
from tests.deploy.controller.world import add_version, swap
from tests.deploy.serving.house import House
from tests.latentloop.front_door import environment, run_latentloop

NOW = datetime.now(UTC)
ALARM, RETRAINING = "suspicion-version-7-1", "drift-emergency-version-7-suspicion-version-7-1"


@pytest.fixture
def engine(home: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{home}/ledger.db")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """Version 7 serves; there was an alarm, and a retraining was asked for."""
    champion = ServedVersion(version="7", digest="d7", artifact="artifacts/d7")
    before = NOW - timedelta(minutes=1)
    ReleaseStore(engine).compare_and_swap(0, Release(champion=champion, changed_at=before, reason="test"))
    ledger = Ledger(engine)
    alarm = {"schema_version": 1, "phase": "failed", "reason": "latent_code 0.4 > limit 0.25", "evidence": []}
    ledger.record("alarm", "7", json.dumps(alarm), NOW, key=ALARM)
    event = DriftEvent(
        event="latentloop.drift.emergency", event_id="an-id", key=RETRAINING, snapshot="s", reason="a new kind"
    )
    DRIFT_EVENT.write(ledger, "7", event, NOW)
    return ledger


def ask_again(ledger: Ledger, kind: str, trigger: str, times: int) -> None:
    """Leave the lines that the controller leaves."""
    for attempt in range(1, times + 1):
        body = {"run": f"r{attempt}", "url": f"http://prefect/r{attempt}", "attempt": attempt, "reason": "a new kind"}
        ledger.record(kind, trigger, json.dumps(body), NOW, key=f"{kind}:{trigger}:retry:{attempt}")


def test_runs_that_were_asked_for_again_are_a_line_each(home: Path, ledger: Ledger, tmp_path: Path) -> None:
    ask_again(ledger, "alarm-retry", ALARM, 1)
    ask_again(ledger, "drift-retry", RETRAINING, 3)

    env = environment(home, timezone="Asia/Kolkata")
    as_json = run_latentloop("status", "--json", env=env, folder=tmp_path)
    screen = run_latentloop("status", env=env, folder=tmp_path)

    found = [(each["trigger"], each["times"], each["most"]) for each in json.loads(as_json.stdout)["asked_again"]]
    assert found == [(ALARM, 1, 2), (RETRAINING, 3, 5)]
    at = f"{NOW.astimezone(ZoneInfo('Asia/Kolkata')):%Y-%m-%d %H:%M:%S} IST"
    lines = [line.strip() for line in screen.stdout.splitlines() if "asked for again" in line]
    assert lines == [
        f"asked for again, 1 of at most 2 times, last at {at}: {ALARM}, http://prefect/r1",
        f"asked for again, 3 of at most 5 times, last at {at}: {RETRAINING}, http://prefect/r3",
    ]


def test_what_was_answered_or_has_ended_is_not_shown_any_more(home: Path, ledger: Ledger, tmp_path: Path) -> None:
    ask_again(ledger, "alarm-retry", ALARM, 1)
    ask_again(ledger, "drift-retry", RETRAINING, 3)
    drift = DriftLine(key="k", champion="7", action="emergency", reason="a new kind", window_since=NOW, at=NOW)
    DRIFT.write(ledger, "7", drift, NOW, key=f"drift:{ALARM}")
    ledger.claim(RETRAINING, "retrain-emergency", "", "a-run", NOW, 60.0)
    ledger.finish(RETRAINING, "a-run", "done", "8", NOW)

    as_json = run_latentloop("status", "--json", env=environment(home), folder=tmp_path)

    assert json.loads(as_json.stdout)["asked_again"] == []


def test_a_run_that_did_not_have_to_be_asked_for_again_is_not_shown(home: Path, ledger: Ledger, tmp_path: Path) -> None:
    assert ledger.entries("alarm-retry") == ledger.entries("drift-retry") == []
    screen = run_latentloop("status", env=environment(home), folder=tmp_path)
    assert (screen.returncode, screen.stderr) == (0, "")
    assert "asked for again" not in screen.stdout


def test_a_telemetry_that_cannot_be_read_leaves_its_part_out_and_says_so(
    home: Path, engine: Engine, ledger: Ledger, tmp_path: Path
) -> None:
    drift = {"key": "k", "champion": "7", "action": "emergency", "reason": "a new kind", "snapshot": "s"}
    drift |= {"needed_images": 800, "window_since": NOW.isoformat(), "at": NOW.isoformat()}
    ledger.record("drift", "7", json.dumps(drift), NOW, key="drift:k")
    tried = ServedVersion(version="8", digest="d8", artifact="artifacts/d8")
    record_beginning(ledger, swap(ReleaseStore(engine), shadow=tried), tried, NOW)
    healthy = json.loads(run_latentloop("status", "--json", env=environment(home), folder=tmp_path).stdout)
    assert (healthy["trial"]["version"], healthy["waiting"][0]["needed"]) == ("8", 800)
    for left in home.glob("telemetry.db-*"):
        left.unlink()
    (home / "telemetry.db").write_bytes(b"not a database" * 1_000)

    as_json = run_latentloop("status", "--json", env=environment(home), folder=tmp_path)
    screen = run_latentloop("status", env=environment(home), folder=tmp_path)

    assert as_json.returncode == screen.returncode == 0, as_json.stderr + screen.stderr
    found = json.loads(as_json.stdout)
    assert (found["requests_last_hour"], found["trial"], found["waiting"]) == (None, None, [])
    assert "telemetry.db" in found["telemetry_unknown"]
    assert "unknown requests in the last hour" in screen.stdout
    assert [each["version"] for each in found["slots"]] == ["7", "8"]


def test_times_are_in_the_zone_of_the_settings_on_the_screen_and_in_utc_for_scripts(
    home: Path, ledger: Ledger, tmp_path: Path
) -> None:
    env = environment(home, timezone="Asia/Kolkata")

    screen = run_latentloop("status", env=env, folder=tmp_path).stdout
    found = json.loads(run_latentloop("status", "--json", env=env, folder=tmp_path).stdout)

    (released,) = (line for line in screen.splitlines() if line.startswith("release 1 since "))
    since = datetime.fromisoformat(found["since"])
    assert since.utcoffset() == timedelta(0)
    assert f"since {since.astimezone(ZoneInfo('Asia/Kolkata')):%Y-%m-%d %H:%M:%S} IST, " in released
    assert released.endswith("; a release says which versions serve")
    assert {datetime.fromisoformat(each["at"]).utcoffset() for each in found["drift"]} == {timedelta(0)}
    assert f"{NOW.astimezone(ZoneInfo('Asia/Kolkata')):%Y-%m-%d %H:%M:%S} IST" in screen


def test_what_the_gate_said_of_a_version_is_said_once_and_a_long_key_leaves_it_room(
    home: Path, ledger: Ledger, tmp_path: Path
) -> None:
    key, said = "by-hand-full-catalogue-a1b2c3d4-17-recipe-1", "recon_error 0.0061 <= champion 0.0064 + margin 2 %"
    verdict = {"schema_version": 1, "phase": "passed", "reason": said, "evidence": []}
    ledger.record("gate", key, json.dumps(verdict), NOW, key=f"gate:{key}")
    registered = {"digest": "d8", "benchmark": "passed", "reason": said}
    ledger.record("registered", "8", json.dumps(registered), NOW, key=f"registered:{key}")
    refused = {"schema_version": 1, "phase": "failed", "reason": "worse", "evidence": []}
    ledger.record("gate", key, json.dumps(refused), NOW, key="gate:another")
    env = environment(home)
    narrow = {**env, "COLUMNS": "90"}
    del env["COLUMNS"]

    screen = run_latentloop("status", env=env, folder=tmp_path).stdout

    assert screen.count(said) == 1, "in a pipe there are columns enough for a sentence"
    (line,) = [each for each in screen.splitlines() if each.endswith("worse")]
    assert re.search(rf" {key} +worse", line), "and for a key"
    table = run_latentloop("status", env=narrow, folder=tmp_path).stdout.split("last decisions")[1]
    assert max(map(len, table.splitlines())) <= 90
    (line,) = [each for each in table.splitlines() if each.rstrip().endswith("worse")]
    assert f" {key[:23]}…  worse" in line


def test_a_block_is_there_whole_with_what_to_do_and_what_was_done_about_a_line_does_not_repeat_it(
    home: Path, ledger: Ledger, tmp_path: Path
) -> None:
    """The lines as monitor and controller leave them: twice the same block, and a change of mix."""
    block = f"images of every kind are altered: {'numbers, ' * 30}`drift.kind_spread = 0.5`; look at the pictures"
    mix = "changed mix of known kinds: 7 clusters rose"
    for minute, (action, why) in enumerate([("none", mix), ("block", block), ("block", block)]):
        at, key = NOW + timedelta(minutes=minute), f"k{minute}"
        line = {"key": key, "champion": "7", "action": action, "reason": why, "window_since": NOW.isoformat()}
        ledger.record("drift", "7", json.dumps(line | {"at": at.isoformat()}), at, key=f"drift:{key}")
    acted = {"line": "drift:k2", "action": "block", "reason": f"nothing to be done: {block}"}
    ledger.record("drift-acted", "7", json.dumps(acted), NOW + timedelta(minutes=3), key="drift-acted:drift:k2")
    env = environment(home)
    del env["COLUMNS"]

    screen = run_latentloop("status", env=env, folder=tmp_path)

    assert (screen.returncode, screen.stderr) == (0, "")
    assert screen.stdout.count(f"block: {block}") == screen.stdout.count("images of every kind") == 1
    assert "block: nothing to be done: as its line `drift` says" in screen.stdout
    (again,) = [line for line in screen.stdout.splitlines() if line.endswith("as above")]
    assert again.split()[-4:-2] == ["drift", "7"]


def test_servers_that_accept_and_never_answer_are_asked_once_and_named(
    home: Path, ledger: Ledger, tmp_path: Path
) -> None:
    """As one that is being started: a screen does not wait as long as a flow would."""
    with (
        socket.create_server(("127.0.0.1", 0)) as mlflow,
        socket.create_server(("127.0.0.1", 0)) as prefect,
        socket.create_server(("127.0.0.1", 0)) as service,
    ):
        at = {name: f"http://127.0.0.1:{port.getsockname()[1]}" for name, port in
              {"mlflow_url": mlflow, "prefect_url": prefect, "service_url": service}.items()}  # fmt: skip
        env = environment(home, **{**at, "prefect_url": f"{at['prefect_url']}/api"})

        done = run_latentloop("status", env=env, folder=tmp_path)

        assert (done.returncode, done.stderr) == (0, "")
        assert f"waiting for approval: unknown, MLflow at {at['mlflow_url']} does not answer" in done.stdout
        assert "champion  version 7" in done.stdout, "the rest is there all the same"
        assert [_questions(each) for each in (mlflow, prefect, service)] == [1, 0, 0]


def _questions(silent: socket.socket) -> int:
    """How many connections wait to be accepted."""
    silent.setblocking(False)
    for count in range(10):
        try:
            silent.accept()[0].close()
        except BlockingIOError:
            return count
    raise AssertionError("ten connections and more")


def test_what_traffic_is_judged_against_is_read_without_torch(tmp_path: Path) -> None:
    house = House(tmp_path)
    served = add_version(house, "1", seed=1)
    house.close()
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from deploy.record.traffic import read_reference\n"
        "from deploy.release import ServedVersion\n"
        "from deploy.stores.objects.local import LocalObjects\n"
        "served = ServedVersion(version='1', digest=sys.argv[2], artifact=sys.argv[3])\n"
        "found = read_reference(LocalObjects(Path(sys.argv[1])), served)\n"
        "print(len(found), sorted({'torch', 'mlflow'} & sys.modules.keys()))\n"
    )
    place = str(house.objects.root)
    done = subprocess.run(
        [sys.executable, "-c", code, place, served.digest, served.artifact], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("2000 []\n", 0), done.stderr
