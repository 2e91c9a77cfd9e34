"""The one form that benchmarks and the demo speak."""

import io
import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from rich.console import Console

from benchmarks.form import (
    BenchmarkReport,
    Result,
    describe_machine,
    find_driver_version,
    make_report,
    print_report,
    publish_report,
    write_report,
)


@pytest.mark.parametrize(
    ("value", "limit", "direction", "passed"),
    [
        (1.0, None, "lower", True),
        (1.0, 1.0, "lower", True),
        (1.1, 1.0, "lower", False),
        (1.1, 1.0, "higher", True),
        (0.9, 1.0, "higher", False),
    ],
)
def test_a_bar_is_passed_on_its_better_side(value: float, limit: float | None, direction: str, passed: bool) -> None:
    assert Result.of("x", value, "s", limit=limit, direction=direction).passed is passed  # type: ignore[arg-type]


def test_several_values_become_their_median_number_and_extremes() -> None:
    result = Result.of("x", [3.0, 1.0, 2.5], "s")
    assert (result.value, result.n, result.spread) == (2.5, 3, (1.0, 3.0))
    assert Result.of("x", 4.0, "s", n=5000).n == 5000
    assert Result.of("x", 4.0, "s").spread is None


def test_a_result_cannot_claim_what_its_numbers_deny() -> None:
    with pytest.raises(ValidationError, match="contradicts value 2, limit 1"):
        Result(name="x", value=2.0, unit="s", limit=1.0, passed=True)


def test_one_missed_bar_fails_the_run(tmp_path: Path) -> None:
    good, bad = Result.of("a", 1.0, "s", limit=2.0), Result.of("b", 3.0, "s", limit=2.0)
    assert make_report("x", [good]).exit_code == 0
    assert make_report("x", [good, bad]).exit_code == 1
    assert publish_report(make_report("x", [good, bad]), None) == 1


def test_the_file_has_the_agreed_fields_and_reads_back(tmp_path: Path) -> None:
    report = make_report("frechet", [Result.of("a", [1.0, 2.0], "CPU s", limit=3.0)])
    path = tmp_path / "deep" / "report.json"
    write_report(report, path)
    content = json.loads(path.read_text())
    assert list(content) == ["benchmark", "command", "date", "machine", "results"]
    assert list(content["results"][0]) == [
        "name", "value", "unit", "limit", "direction", "passed", "n", "spread",
    ]  # fmt: skip
    assert content["results"][0]["spread"] == [1.0, 2.0]
    assert BenchmarkReport.model_validate_json(path.read_text()) == report
    assert [each.name for each in path.parent.iterdir()] == ["report.json"]


def test_the_table_names_every_figure_with_its_bar() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    print_report(make_report("frechet", [Result.of("speed", 0.5, "times", limit=1.0, direction="higher")]), console)
    text = console.export_text()
    assert "speed" in text
    assert "≥ 1" in text
    assert "missed" in text


def test_the_machine_is_described() -> None:
    machine = describe_machine()
    assert machine.cores >= 1
    assert machine.memory_gb > 0
    assert machine.processor


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024", "535.183.01"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release Build\nGCC 13.2.0", "570.86.10"),
        ("something else", None),
    ],
)
def test_the_driver_of_a_gpu_is_read_from_what_it_tells(told: str, version: str | None) -> None:
    assert find_driver_version(told) == version


def test_a_figure_that_does_not_apply_is_null_and_meets_no_bar() -> None:
    assert Result.of("before_new", None, "MSE").model_dump()["value"] is None
    assert Result.of("before_new", None, "MSE").passed
    assert not Result.of("before_new", None, "MSE", limit=1.0).passed
