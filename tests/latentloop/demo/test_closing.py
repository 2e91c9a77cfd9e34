"""The demo's figures in the form of every benchmark, with what only a story has beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.form import write_report
from benchmarks.tables import read_report
from deploy.settings import Settings
from latentloop.demo.closing import report_story
from latentloop.demo.figures import FORM
from latentloop.demo.settings import QUICK
from latentloop.demo.supply import FashionSupply
from latentloop.demo.telling import Story
from latentloop.fashion_mnist import FashionMnist


@pytest.fixture
def story() -> Story:
    """A story in which every figure came out as 1."""
    images, labels = np.zeros((20, 28, 28), dtype=np.uint8), np.arange(20) % 10
    supply = FashionSupply(FashionMnist(images, labels, images, labels), shipment=4, ordinary=2, seed=0)
    figures: dict[str, float | None] = {name: 1.0 for name, *_ in FORM}
    return Story(Settings(), QUICK, print, supply, figures=figures)


def test_the_json_says_what_noticed_the_new_kinds(story: Story, tmp_path: Path) -> None:
    story.detected_by = "the screening's alarm, by latent_code"
    write_report(report_story(story, "latentloop demo"), tmp_path / "demo.json")

    written = json.loads((tmp_path / "demo.json").read_text())

    assert written["detected_by"] == "the screening's alarm, by latent_code"
    assert {each["name"] for each in written["results"]} == {name for name, *_ in FORM}
    assert read_report(tmp_path / "demo.json").results == report_story(story, "latentloop demo").results


@pytest.mark.parametrize(("detected", "passed"), [(2_975.0, True), (3_025.0, False), (None, False)])
def test_new_kinds_noticed_late_or_never_miss_the_bar(story: Story, detected: float | None, passed: bool) -> None:
    story.figures["requests_to_detection"] = detected

    (found,) = [each for each in report_story(story, "").results if each.name == "requests_to_detection"]

    assert (found.passed, found.limit) == (passed, 3_000.0)
