"""Writes docs/benchmarks.md from the JSON files of benchmark runs.

python -m benchmarks.tables FILE.json... [--out docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from benchmarks.form import BenchmarkReport, Result

HEAD = """# Benchmarks

Written by `python -m benchmarks.tables` from the JSON files of the runs below, never by hand. A line with a limit is a
bar; the others are plain figures. `n` is the number of values or simulated streams behind a line.
"""


def read_report(path: Path) -> BenchmarkReport:
    """Read one JSON file of the form, whatever stands beside it; ValueError names the file and what is wrong."""
    try:
        return BenchmarkReport.model_validate_json(path.read_bytes(), extra="ignore")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); write it with `--json {path}`") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{path}: expected the JSON of a benchmark, came {place}: {first['msg']}") from error


def render_page(reports: Sequence[BenchmarkReport]) -> str:
    """The whole page in Markdown, one section a report in the given order; what a benchmark measures is said once."""
    names = [report.benchmark for report in reports]
    return "\n".join(
        [HEAD, *(render_report(each, names.index(each.benchmark) == at) for at, each in enumerate(reports))]
    )


def render_report(report: BenchmarkReport, is_first: bool = True) -> str:
    """One benchmark: what it measures (its module's docstring) where it is the first, how and where, and its table."""
    machine = report.machine
    accelerator = "" if machine.accelerator is None else f", {machine.accelerator}"
    return "\n".join(
        [
            *([f"## {report.benchmark}", "", _purpose(report.benchmark)] if is_first else ["Another run:"]),
            "",
            f"`{report.command}`, {report.date:%Y-%m-%d}, {machine.cores} cores of {machine.processor}{accelerator}, "
            f"{machine.memory_gb:g} GB, Python {machine.python}, torch {machine.torch}.",
            "",
            *_table(report.results),
            "",
        ]
    )


def _table(results: Sequence[Result]) -> list[str]:
    """The rows, or that there is none: a benchmark of a device measures nothing without it."""
    if not results:
        return ["Not measured: this machine lacks the device."]
    return [
        "| name | value | unit | limit | verdict | n | spread |",
        "|---|---:|---|---:|---|---:|---|",
        *map(_row, results),
    ]


def _row(result: Result) -> str:
    sign = "≤" if result.direction == "lower" else "≥"
    limit, verdict = "", ""
    if result.limit is not None:
        limit, verdict = f"{sign} {result.limit:,g}", "passed" if result.passed else "**missed**"
    value = "" if result.value is None else _number(result.value)
    spread = "" if result.spread is None else " to ".join(map(_number, result.spread))
    return f"| {result.name} | {value} | {result.unit} | {limit} | {verdict} | {result.n:,} | {spread} |"


def _number(value: float) -> str:
    """Four significant digits; whole numbers whole."""
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 1e4 else f"{value:.4g}"


def _purpose(benchmark: str) -> str:
    """The docstring of the benchmark's module without its usage line; empty for one that is not of this package."""
    try:
        module = importlib.import_module(f"benchmarks.{benchmark}")
    except ModuleNotFoundError:
        return ""
    paragraphs = (module.__doc__ or "").strip().split("\n\n")
    return "\n\n".join(each.strip() for each in paragraphs if not each.strip().startswith("python -m"))


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, read, write; 2 when a file is not the JSON of a benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.json", help="written by `--json`")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write there instead of printing")
    arguments = parser.parse_args(argv)
    try:
        page = render_page([read_report(path) for path in arguments.files])
    except ValueError as error:
        print(f"tables: {error}", file=sys.stderr)
        return 2
    if arguments.out is None:
        sys.stdout.write(page)
    else:
        arguments.out.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
