"""The command line in real processes: quick to help, and one line for whatever a user can cause."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.latentloop.front_door import environment, make_ledger, run_latentloop
from tests.latentloop.refusing import assert_refused

HEAVY = ("torch", "mlflow", "prefect", "great_expectations", "evidently", "boto3", "sqlalchemy", "pandas")


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
