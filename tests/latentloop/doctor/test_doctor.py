"""The doctor: one line for everything that can be wrong, and nothing is made by looking."""

from __future__ import annotations

import errno
import http.server
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageOps

from deploy.configuration.in_force import declare_settings
from deploy.settings import Settings, load_settings
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database, open_objects
from latentloop.doctor.finding import Finding, Health, look, ok
from latentloop.doctor.place import examine_place, is_supervisor
from latentloop.doctor.servers import examine_servers
from latentloop.doctor.stores import examine_stores
from latentloop.doctor.system import examine_clock, examine_decoders, examine_packages, examine_python
from latentloop.doctor.training import examine_training
from latentloop.installation.kept_ports import keep_ports
from latentloop.installation.running import Installation, write_installation
from latentloop.supervisor.ports import hold_port
from tests.deploy.settled import empty_the_environment
from tests.latentloop.front_door import environment, make_ledger, run_latentloop


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    empty_the_environment(tmp_path, monkeypatch)
    return load_settings(home=tmp_path / "home")


def told(findings: Iterator, name: str) -> tuple[Health, str]:
    return next((each.health, each.line) for each in findings if each.name == name)


def test_python_packages_and_clock_of_the_tests_are_right(settings: Settings) -> None:
    assert examine_python().health is Health.ok
    assert examine_packages().health is Health.ok, examine_packages().line
    assert examine_clock(settings).health is Health.ok


def test_a_decoder_that_makes_other_pixels_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine_decoders().health is Health.ok and "libjpeg_turbo" in examine_decoders().line
    convert = Image.Image.convert

    def inverting(image: Image.Image, *more: object) -> Image.Image:
        converted = convert(image, *more)  # type: ignore[arg-type]
        return ImageOps.invert(converted) if converted.mode in ("L", "RGB") else converted

    monkeypatch.setattr(Image.Image, "convert", inverting)
    found = examine_decoders()
    assert found.health is Health.note and ".png" in found.line and "constraints.txt" in found.line


def test_a_device_that_this_machine_lacks_is_named_before_a_step_is_tried_on_it(settings: Settings) -> None:
    training = settings.training.model_copy(update={"device": "cuda:99"})
    health, line = told(examine_training(settings.model_copy(update={"training": training})), "model")
    assert health is Health.wrong and 'expected "cuda:99"' in line and 'LATENTLOOP_TRAINING__DEVICE="cpu"' in line


def test_looking_makes_nothing(settings: Settings, tmp_path: Path) -> None:
    before = sorted(os.listdir(tmp_path))

    found = [*examine_place(settings), *examine_stores(settings)]

    assert sorted(os.listdir(tmp_path)) == before
    assert [each.health for each in found if each.name in ("home", "database", "object store")] == [Health.ok] * 3


def test_a_file_where_a_folder_is_needed_is_said(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "file").write_text("x")
    blocked = load_settings(home=tmp_path / "file" / "home")

    assert told(examine_place(blocked), "home")[0] is Health.wrong
    health, line = told(examine_stores(blocked), "database")
    assert health is Health.wrong
    assert f"{tmp_path / 'file'} is a file" in line


def test_a_home_that_others_may_read_is_noted(settings: Settings) -> None:
    settings.home.mkdir(mode=0o755)
    settings.home.chmod(0o755)

    assert told(examine_place(settings), "home") == (
        Health.note, f"{settings.home} is open to other users of this machine; `latentloop up` closes it"
    )  # fmt: skip


def test_a_feature_network_that_is_missing_names_the_command(tmp_path: Path, settings: Settings) -> None:
    missing = load_settings(home=tmp_path / "home", assets_folder=tmp_path / "assets")

    health, line = told(examine_place(missing), "feature network")

    assert health is Health.wrong
    assert line.endswith("is missing: run `latentloop setup` once")


def test_an_installed_database_and_object_store_are_asked(settings: Settings) -> None:
    settings.home.mkdir()
    make_ledger(settings.home)
    open_objects(settings)

    found = list(examine_stores(settings))

    assert told(iter(found), "database")[1].endswith("answers, its tables are those of this Latentloop")
    assert told(iter(found), "object store")[1].endswith("takes conditional writes")
    assert open_objects(settings).keys("") == []


def test_a_database_of_a_newer_release_is_wrong(settings: Settings) -> None:
    import sqlite3

    settings.home.mkdir()
    make_ledger(settings.home)
    with sqlite3.connect(settings.home / "ledger.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'r9999'")
    connection.close()

    health, line = told(examine_stores(settings), "database")

    assert health is Health.wrong
    assert "revision r9999" in line


def test_a_database_that_does_not_answer_is_wrong_and_its_password_is_not_shown(
    tmp_path: Path, settings: Settings
) -> None:
    away = load_settings(home=tmp_path / "home", database_url=f"postgresql://me:hush@127.0.0.1:{free_port()}/x")

    health, line = told(examine_stores(away), "database")

    assert health is Health.wrong
    assert "hush" not in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("status", "body", "health", "said"),
    [
        (200, "3.17.0", Health.ok, "answers (MLflow 3.17.0)"),
        (200, "<html>", Health.wrong, "not as an MLflow server"),
        (401, "", Health.wrong, "MLFLOW_TRACKING_USERNAME"),
        (404, "", Health.wrong, "is mlflow_url that of Mlflow?"),
    ],
)
def test_a_server_that_is_named_must_answer_as_what_it_should_be(
    tmp_path: Path, settings: Settings, status: int, body: str, health: Health, said: str
) -> None:
    with answering(status, body) as url:
        found = told(examine_servers(load_settings(home=tmp_path / "home", mlflow_url=url)), "mlflow")

    assert found[0] is health
    assert said in found[1]


def test_a_prefect_of_another_minor_release_is_noted_and_an_address_without_api_is_wrong(
    tmp_path: Path, settings: Settings
) -> None:
    def examine() -> tuple[Health, str]:
        return told(examine_servers(load_settings(home=tmp_path / "home", prefect_url=f"{url}/api")), "prefect")

    with answering(200, f'"{version("prefect")}"') as url:
        assert examine()[0] is Health.ok
    with answering(200, '"2.1.0"') as url:
        assert examine()[0] is Health.note
    with answering(200, "<html>") as url:
        assert examine()[1].endswith("prefect_url ends in /api")


def test_a_port_in_use_is_wrong_only_where_the_settings_name_it(tmp_path: Path, settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        named = load_settings(home=tmp_path / "home", serving={"port": port})

        health, line = told(examine_servers(named), "service")

    assert health is Health.wrong
    assert "set LATENTLOOP_SERVING__PORT to another" in line


def test_the_port_of_the_last_start_is_named_and_where_it_is_taken_the_one_that_comes(settings: Settings) -> None:
    before = hold_port()
    keep_ports(settings.home, {"service_url": before.number})
    health, line = told(examine_servers(settings), "service")
    assert (health, line.partition(", so it takes ")[0]) == (
        Health.note, f"to be started here; port {before.number} is in use by another process",
    )  # fmt: skip
    before.release()
    assert told(examine_servers(settings), "service") == (
        Health.ok, f"to be started here, on port {before.number}, as before",
    )  # fmt: skip


def test_settings_that_changed_since_the_start_are_named_with_the_way_out(settings: Settings) -> None:
    """Other commands refuse then: the doctor must not say that nothing is in the way."""
    make_ledger(settings.home)
    started = load_settings(home=settings.home, evaluation={"holdout_min": 300})
    ledger = Ledger(open_database(settings))
    declare_settings(ledger, started, datetime.now(UTC))
    assert "in force" not in {each.name for each in examine_place(settings)}, "nothing runs"
    me, url = psutil.Process(), "http://127.0.0.1:1"
    running = Installation(pid=me.pid, born=me.create_time(), prefect_url=url, mlflow_url=url, service_url=url)
    write_installation(settings.home, running)

    health, line = told(examine_place(settings), "in force")

    assert health is Health.wrong
    assert "evaluation.holdout_min" in line
    assert "put these settings in force with `latentloop down`, then `latentloop up`" in line
    assert told(examine_place(started), "in force")[0] is Health.ok


def test_none_runs_is_said_of_this_folder_whatever_runs_elsewhere(settings: Settings) -> None:
    assert told(examine_place(settings), "installation")[1].startswith("none runs from this folder")


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        (["python", "/usr/bin/latentloop", "up"], True),
        (["python", "-W", "ignore::ResourceWarning", "-c", "from latentloop.cli import main; main()", "up"], True),
        (["python", "/usr/bin/latentloop", "up", "--detach"], False),
        (["python", "/usr/bin/latentloop", "ingest", "pictures"], False),
        (["docker", "compose", "up", "latentloop"], False),
    ],
)
def test_a_supervisor_is_known_by_its_command_line_in_the_background_too(words: list[str], is_one: bool) -> None:
    assert is_supervisor(words) is is_one


def test_the_command_says_it_all_and_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "latentloop.toml").write_text("[preprocessing]\nheight = 32\n[training]\ndevice = 'cpu'\n")
    env = environment(tmp_path / "home", assets_folder=str(tmp_path / "assets"))

    done = run_latentloop("doctor", "--json", env=env, folder=tmp_path)

    findings = {each["name"]: each for each in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert findings["feature network"]["health"] == "wrong"
    assert findings["model"]["health"] == "ok", findings["model"]
    assert "vq_vae on 1x32x32" in findings["model"]["line"]
    assert findings["memory"]["health"] in ("ok", "note")
    assert sorted(os.listdir(tmp_path)) == ["latentloop.toml"]


def test_settings_that_are_wrong_are_a_finding_and_not_the_end_of_it(tmp_path: Path) -> None:
    (tmp_path / "latentloop.toml").write_text("[preprocessing]\nheight = 50\n")

    done: subprocess.CompletedProcess[str] = run_latentloop(
        "doctor", env=environment(tmp_path / "home"), folder=tmp_path
    )

    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok    python")
    assert lines[3].startswith("wrong settings        training.model: height 50 is not a multiple of 4")
    assert lines[-1] == "1 to mend before `latentloop up`"


def test_a_home_that_is_a_file_breaks_no_other_check_off(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")

    done = run_latentloop("doctor", env=environment(tmp_path / "home"), folder=tmp_path)

    lines = done.stdout.splitlines()
    names = [line[6:22].strip() for line in lines]
    assert (done.returncode, done.stderr) == (1, "")
    assert f"wrong home            {tmp_path / 'home'} is a file" in done.stdout
    for name in ("installation", "database", "telemetry", "object store", "mlflow", "prefect", "service", "model"):
        assert name in names, done.stdout
    assert lines[-1].endswith(" to mend before `latentloop up`")


def test_a_check_that_ends_in_a_known_error_is_a_finding_and_a_mistake_of_ours_is_none() -> None:
    def breaking(error: Exception) -> Iterator[Finding]:
        yield ok("disk", "there")
        raise error

    found = list(look("disk", breaking, PermissionError(errno.EACCES, "Permission denied", "/shop")))
    assert [each.line for each in found] == ["there", "/shop: Permission denied: mend its rights"]
    assert found[-1].health is Health.wrong
    with pytest.raises(KeyError):
        list(look("disk", breaking, KeyError("ours")))


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A server that gives one answer to every question."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
