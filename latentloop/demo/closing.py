"""The end of the demo: the table in the terminal, the JSON, and one self-contained page with pictures."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, select_autoescape
from rich.table import Table

from benchmarks.form import BenchmarkReport, Result, describe_machine, write_report
from latentloop.errors import DemoFailed
from latentloop.screen import open_screen, print_table

if TYPE_CHECKING:
    from latentloop.demo.telling import Story

Finish = Callable[[Path | None, str], None]


class DemoReport(BenchmarkReport):
    """The figures, and what noticed the new kinds first."""

    detected_by: str


PICTURES = {
    "reconstructions.png": "Images that the model never saw (upper row) and their reconstructions (lower row)",
    "worst.png": "The images with the largest error, worst first",
    "worst_cluster.png": "The cluster of like images with the largest mean error: images, reconstructions",
    "samples.png": "New images, decoded from draws of the fitted prior",
    "traversals.png": "One code moved along its strongest dimensions",
    "codes.png": "How often each code is used",
    "curves.png": "Training",
    "errors.png": "Reconstruction error over the benchmark",
}


def close_story(story: Story, report: Path) -> Finish:
    """Collect the pictures while the stores are up; the answer writes everything once the last figure is known."""
    pictures, traffic = _pictures(story), story.traffic
    lost = (traffic.refused.total() - traffic.refused["low_variance"]) / max(1, traffic.sent - traffic.black_sent)
    story.figures |= {
        "black_frames_sent": traffic.black_sent,
        "black_frames_refused": traffic.refused["low_variance"],
        "failed_requests": traffic.failed,
        "good_refused_share": max(lost, story.figures["good_refused_share"] or 0.0),
    }

    def finish(json_file: Path | None, command: str) -> None:
        results = report_story(story, command)
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(_render(story, results, pictures), encoding="utf-8")
        for name, page in story.pages.items():
            (report.parent / name).write_bytes(page)
        if json_file is not None:
            write_report(results, json_file)
        _print(story, results)
        print(f"report: {report.resolve()}" + (f"; figures: {json_file.resolve()}" if json_file else ""))
        # a busy machine is no defect of the story: times are shown against their bars and decide nothing
        if missed := [each for each in results.results if not each.passed and each.unit not in ("ms", "min")]:
            raise DemoFailed("; ".join(f"{each.name} {each.value}, expected {each.limit:g}" for each in missed))

    return finish


def report_story(story: Story, command: str) -> DemoReport:
    """The story's figures beside their bars."""
    return DemoReport(
        benchmark="demo",
        command=command,
        date=datetime.now(UTC),
        machine=describe_machine(),
        results=tuple(_results(story)),
        detected_by=story.detected_by,
    )


def _results(story: Story) -> list[Result]:
    results, figures = [], story.figures
    for name, unit, limit, direction in story.form:
        bar = figures[limit] if isinstance(limit, str) else limit
        results.append(Result.of(name, figures[name], unit, limit=bar, direction=direction))
    return results


def _pictures(story: Story) -> list[tuple[str, str]]:
    """Caption and data URI of each picture of the model card."""
    objects = story.world.objects
    key = story.world.registry.version(story.versions["first"].version).tags["latentloop.trigger"]
    found = [(caption, _data_uri(content)) for caption, content in story.pictures]
    drawn = set(objects.keys(f"runs/{key}/pictures/"))
    for name, caption in PICTURES.items():
        if (picture := f"runs/{key}/pictures/{name}") in drawn:  # a kind of model has some that the other has not
            found.append((caption, _data_uri(objects.get(picture).data)))
    return found


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _render(story: Story, results: BenchmarkReport, pictures: list[tuple[str, str]]) -> str:
    environment = Environment(loader=PackageLoader("latentloop.demo", "."), autoescape=select_autoescape())
    return environment.get_template("report.html").render(
        chapters=story.chapters, report=results, pictures=pictures, pages=story.pages, settings=story.settings
    )


def _print(story: Story, results: BenchmarkReport) -> None:
    console = open_screen()
    for chapter in story.chapters:
        table = Table(
            title=f"{chapter.title} ({chapter.seconds:.0f} s)", title_justify="left", box=None, show_header=False
        )
        for name, value in chapter.rows:
            table.add_row(name, value)
        print_table(console, table)
    table = Table("figure", "value", "unit", "bar", title="figures", title_justify="left", box=None)
    for each in results.results:
        sign = {"lower": "≤", "higher": "≥"}[each.direction]
        table.add_row(
            each.name,
            "" if each.value is None else f"{each.value:,.5g}",
            each.unit,
            "" if each.limit is None else f"{sign} {each.limit:g}",
        )
    print_table(console, table)
