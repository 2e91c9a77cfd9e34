"""The one form of every benchmark and demo: a JSON file, a table, and an exit code.

A result without a limit is a plain figure; one with a limit is a bar that is passed or missed.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

import psutil
import torch
from pydantic import BaseModel, ConfigDict, model_validator
from rich.console import Console
from rich.table import Table

from latentloop.screen import open_screen, print_table

Direction = Literal["lower", "higher"]


class Machine(BaseModel):
    """Where the figures come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str
    torch: str
    accelerator: str | None = None


class Result(BaseModel):
    """One figure: its unit, the better direction, the bar if any, of how many values, their extremes.

    A value of None says that the figure does not apply; it has no bar, or has missed it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    value: float | None
    unit: str
    limit: float | None = None
    direction: Direction = "lower"
    passed: bool = True
    n: int = 1
    spread: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _passed_says_what_the_numbers_say(self) -> Self:
        if self.passed != _meets(self.value, self.limit, self.direction):
            raise ValueError(
                f"{self.name}: passed={self.passed} contradicts value {_number(self.value)}, limit {self.limit}, "
                f"{self.direction} is better"
            )
        return self

    @classmethod
    def of(
        cls,
        name: str,
        values: float | Sequence[float] | None,
        unit: str,
        *,
        limit: float | None = None,
        direction: Direction = "lower",
        n: int | None = None,
    ) -> Result:
        """Judge a figure, or the median of several, against its limit; n is their number by default."""
        if values is None:
            met = _meets(None, limit, direction)
            return cls(name=name, value=None, unit=unit, limit=limit, direction=direction, passed=met, n=0)
        several = list(values) if isinstance(values, Sequence) else [values]
        value = statistics.median(several)
        return cls(
            name=name,
            value=value,
            unit=unit,
            limit=limit,
            direction=direction,
            passed=_meets(value, limit, direction),
            n=len(several) if n is None else n,
            spread=(min(several), max(several)) if len(several) > 1 else None,
        )


class BenchmarkReport(BaseModel):
    """All figures of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: str
    command: str
    date: datetime
    machine: Machine
    results: tuple[Result, ...]

    @property
    def exit_code(self) -> int:
        """0 when every bar is passed, 1 when one is missed."""
        return 0 if all(result.passed for result in self.results) else 1


def make_report(benchmark: str, results: Sequence[Result]) -> BenchmarkReport:
    """Put the figures into the form, with this command, this moment and this machine."""
    return BenchmarkReport(
        benchmark=benchmark,
        command=" ".join(["python", "-m", f"benchmarks.{benchmark}", *sys.argv[1:]]),
        date=datetime.now(UTC),
        machine=describe_machine(),
        results=tuple(results),
    )


def publish_report(report: BenchmarkReport, json_path: Path | None) -> int:
    """Print the table, write the JSON where one is asked for, and give the exit code."""
    print_report(report)
    if json_path is not None:
        write_report(report, json_path)
    return report.exit_code


def write_report(report: BenchmarkReport, path: Path) -> None:
    """Write the JSON form, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(report.model_dump_json(indent=2) + "\n")
    temporary.replace(path)


def print_report(report: BenchmarkReport, console: Console | None = None) -> None:
    """Print one line a figure."""
    table = Table(title=report.benchmark)
    for heading in ("name", "value", "unit", "limit", ""):
        table.add_column(heading, justify="right" if heading in ("value", "limit") else "left")
    for result in report.results:
        sign = "≤" if result.direction == "lower" else "≥"
        limit = "" if result.limit is None else f"{sign} {result.limit:g}"
        verdict = "" if result.limit is None else ("passed" if result.passed else "[bold red]missed[/bold red]")
        value = "" if result.value is None else f"{result.value:.4g}"
        table.add_row(result.name, value, result.unit, limit, verdict)
    print_table(console or open_screen(), table)


def describe_machine() -> Machine:
    """Name the processor, its cores (those that this process may use), memory, system and versions."""
    return Machine(
        processor=_processor_name(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        torch=torch.__version__,
        accelerator=_accelerator_name() if torch.cuda.is_available() else None,
    )


def _processor_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _accelerator_name() -> str:
    """The GPU, its driver where the system tells it, and the CUDA that torch was built for."""
    told = Path("/proc/driver/nvidia/version")
    driver = find_driver_version(told.read_text()) if told.exists() else None
    parts = [torch.cuda.get_device_name(), f"driver {driver}" if driver else None, f"CUDA {torch.version.cuda}"]
    return ", ".join(part for part in parts if part)


def find_driver_version(text: str) -> str | None:
    """The version in what NVIDIA's driver tells of itself, or None."""
    found = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)", text)
    return found.group(1) if found else None


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _meets(value: float | None, limit: float | None, direction: Direction) -> bool:
    if limit is None or value is None:
        return limit is None
    return value <= limit if direction == "lower" else value >= limit
