"""The command line in real processes: quick to help, and one line for whatever a user can cause."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.latentloop.front_door import environment, make_ledger, run_latentloop

HEAVY = ("torch", "mlflow", "prefect", "great_expectations", "evidently", "boto3", "sqlalchemy", "pandas")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def assert_refused(done: subprocess.CompletedProcess[str], *lines: str) -> None:
    """Exit code 1, nothing on stdout, and exactly these lines (a part of each) on stderr."""
    said = done.stderr.splitlines()
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert len(said) == len(lines), done.stderr
    assert said[0].startswith("latentloop: ")
    for line, expected in zip(said, lines, strict=True):
        assert expected in line


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("retrain", "--help"), ("demo", "--help"), ("rollback", "--help"), ("register", "--help")],
)
def test_help_loads_no_heavy_library(arguments: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom latentloop.cli import main\nsys.argv = ['latentloop', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    code = ended.code\n"
        f"print(sorted({set(HEAVY)!r} & set(sys.modules)), code, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(home), cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip

    assert "Usage: latentloop" in done.stdout
    assert done.stderr.splitlines() == ["[] 0"]


def test_help_names_every_command(home: Path, tmp_path: Path) -> None:
    done = run_latentloop("--help", env=environment(home), folder=tmp_path)

    assert done.returncode == 0
    commands = ("init", "doctor", "up", "down", "status", "ingest", "retrain", "cancel", "settings", "demo")
    for command in (*commands, "monitor", "deliver", "rollback", "register", "override"):
        assert f" {command} " in done.stdout


def test_an_unknown_setting_in_the_file_is_refused_in_one_line(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "latentloop.toml"
    config.write_text("[input_policy]\nmin_varience = 0.01\n")

    done = run_latentloop("status", env=environment(home, config=str(config)), folder=tmp_path)

    assert_refused(
        done,
        "input_policy.min_varience: unknown setting; came 0.01; did you mean input_policy.min_variance?",
    )
    assert str(config) in done.stderr
    assert not home.exists()


def test_a_file_that_is_no_toml_is_refused_in_one_line(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "latentloop.toml"
    config.write_text("product = fashion\n")

    done = run_latentloop("status", env=environment(home, config=str(config)), folder=tmp_path)

    assert_refused(done, f"{config}: not valid TOML (")


def test_a_settings_file_that_is_not_there_is_refused_in_one_line(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "nowhere.toml"

    done = run_latentloop("status", env=environment(home, config=str(config)), folder=tmp_path)

    assert_refused(done, f"{config}: no such settings file; LATENTLOOP_CONFIG names it")


def test_a_value_out_of_bounds_is_refused_with_its_bound(home: Path, tmp_path: Path) -> None:
    done = run_latentloop("up", env=environment(home, evaluation__holdout_share="0.9"), folder=tmp_path)

    assert_refused(done, "evaluation.holdout_share: expected less than 0.5; came '0.9'")
    assert "LATENTLOOP_EVALUATION__HOLDOUT_SHARE" in done.stderr


def test_a_misspelt_variable_is_refused(home: Path, tmp_path: Path) -> None:
    done = run_latentloop("ingest", ".", env=environment(home, prodcut="fashion"), folder=tmp_path)

    assert_refused(done, "LATENTLOOP_PRODCUT: unknown setting in the environment; did you mean LATENTLOOP_PRODUCT?")


def test_all_problems_are_said_at_once_one_a_line(home: Path, tmp_path: Path) -> None:
    (tmp_path / "latentloop.toml").write_text("clock_factor = 3\n[gate]\nbonus = 1\n")

    done = run_latentloop("status", env=environment(home, prodcut="x", training__threads="0"), folder=tmp_path)

    said = sorted(line.removeprefix("latentloop: ").split(":")[0] for line in done.stderr.splitlines())
    assert done.returncode == 1
    assert said == ["LATENTLOOP_PRODCUT", "clock_factor", "gate.bonus", "training.threads"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest", "."),
        ("retrain", "--tier", "emergency"),
        ("monitor",),
        ("deliver",),
        ("register", "."),
        ("override", "3", "--reason", "why not"),
    ],
)
def test_work_without_an_installation_says_how_to_start_one(
    arguments: tuple[str, ...], home: Path, tmp_path: Path
) -> None:
    make_ledger(home)

    done = run_latentloop(*arguments, env=environment(home), folder=tmp_path)

    assert_refused(done, f"nothing runs from {home} (prefect_url, mlflow_url, service_url unknown): start it with")
    assert "`latentloop up`" in done.stderr


def test_an_ingest_that_took_in_nothing_of_a_folder_says_so_by_its_exit_code(home: Path, tmp_path: Path) -> None:
    make_ledger(home)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "huge.png").write_bytes(bytes(2_000))
    nowhere = "http://127.0.0.1:9"  # files that are refused by their size need no server
    urls = {"prefect_url": f"{nowhere}/api", "mlflow_url": nowhere, "service_url": nowhere}
    env = environment(home, input_policy__max_bytes="1000", **urls)

    words = run_latentloop("ingest", "inbox", env=env, folder=tmp_path)
    as_json = run_latentloop("ingest", "inbox", "--json", env=env, folder=tmp_path)
    usage = run_latentloop("ingest", "--help", env=env, folder=tmp_path)

    assert (words.returncode, as_json.returncode) == (3, 3), words.stderr + as_json.stderr
    assert words.stdout.splitlines() == [
        "0 taken in, 1 refused, 0 ignored, of 1 received",
        "refused: too_many_bytes 1",
        "too large to be read (too_many_bytes): huge.png (2,000 bytes)",
        "look at them: `latentloop quarantine list` shows each with its reason and the remedy",
        "more than half of what could be an image is not in the catalogue: exit code 3",
    ]
    found = json.loads(as_json.stdout)
    assert (found["received"], found["refused"], found["ignored"]) == (1, 1, 0)
    assert "Exit code 3" in usage.stdout


def test_a_folder_without_images_is_refused_in_one_line(home: Path, tmp_path: Path) -> None:
    make_ledger(home)
    (tmp_path / "empty").mkdir()
    nowhere = "http://127.0.0.1:9"
    env = environment(home, prefect_url=f"{nowhere}/api", mlflow_url=nowhere, service_url=nowhere)

    done = run_latentloop("ingest", "empty", env=env, folder=tmp_path)

    assert_refused(done, f"{tmp_path}/empty: looked for pictures in it and in all folders below, found no file")


def test_an_unknown_tier_is_refused_with_the_known_ones(home: Path, tmp_path: Path) -> None:
    done = run_latentloop("retrain", "--tier", "huge", env=environment(home), folder=tmp_path)

    assert done.returncode == 2
    assert "'huge'" in done.stderr
    for tier in ("full", "incremental", "emergency"):
        assert tier in done.stderr
    assert "Traceback" not in done.stderr


def test_the_status_of_a_home_where_nothing_was_released_needs_no_server(home: Path, tmp_path: Path) -> None:
    env = environment(home)
    make_ledger(home)

    as_json = run_latentloop("status", "--json", env=env, folder=tmp_path)
    screen = run_latentloop("status", env=env, folder=tmp_path)

    assert as_json.returncode == screen.returncode == 0, as_json.stderr + screen.stderr
    found = json.loads(as_json.stdout)
    assert (found["running"], found["epoch"], found["slots"], found["decisions"]) == (False, 0, [], [])
    assert found["pending_unknown"] == "unknown, MLflow does not run"
    assert found["requests_last_hour"] == 0
    assert "nothing was released yet" in screen.stdout
    assert "no installation runs from this home (start one with `latentloop up`)" in screen.stdout


def test_ending_what_does_not_run_is_no_error(home: Path, tmp_path: Path) -> None:
    done = run_latentloop("down", env=environment(home), folder=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"nothing runs from {home}\n", "")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_serving_port_that_is_in_use_is_said_in_one_line(home: Path, tmp_path: Path, taken_port: int) -> None:
    done = run_latentloop("up", env=environment(home, serving__port=str(taken_port)), folder=tmp_path)

    assert_refused(done, f"serving.port: port {taken_port} on 127.0.0.1 is in use: end what listens there, or set ")


def test_a_serving_port_that_is_in_use_is_said_when_detached_as_well(
    home: Path, tmp_path: Path, taken_port: int
) -> None:
    done = run_latentloop("up", "--detach", env=environment(home, serving__port=str(taken_port)), folder=tmp_path)

    assert_refused(done, f"port {taken_port} on 127.0.0.1 is in use")
    assert f"(log: {home / 'logs' / 'up.log'})" in done.stderr


def test_a_home_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way")

    for command in ("status", "up"):
        done = run_latentloop(command, env=environment(tmp_path / "a file" / "home"), folder=tmp_path)
        assert_refused(done, f"{tmp_path}/a file/home")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest", "."), "left before anything was begun"),
        (("retrain", "--tier", "full"), "left before anything was begun"),
        (("monitor",), "left before anything was begun"),
        (("quarantine", "list"), "interrupted"),
        (("approve", "1"), "interrupted"),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else "",
)
def test_an_early_ctrl_c_is_heard_in_one_line(
    arguments: tuple[str, ...], said: str, home: Path, tmp_path: Path
) -> None:
    code = (
        "import os, signal, sys\nimport deploy.settings\nfrom latentloop.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "deploy.settings.load_settings = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.argv = ['latentloop', *sys.argv[1:]]\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(home), cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"latentloop: {said}\n")


def test_up_without_the_feature_network_names_the_command_that_brings_it(home: Path, tmp_path: Path) -> None:
    env = environment(home, assets_folder=str(tmp_path / "nothing"))

    done = run_latentloop("up", env=env, folder=tmp_path)

    assert_refused(done, "nothing/efflite0.safetensors: the feature network is missing: run `latentloop setup` once")
