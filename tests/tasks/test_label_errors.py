"""The labels before a training, with the real catalogue and the real feature network."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest

from deploy.stores.objects.captures import CapturedImage, CaptureStore
from latentloop.demo.damage import encode_png
from tasks.errors import DataRefused
from tasks.label_errors import check_labels, judge_labels
from tasks.label_values import LabelsChecked
from tasks.plan import plan_retrain
from tasks.scoring.label_figures import _labels_of
from tasks.values import RetrainPlan
from tests.tasks.arrivals import CAPTURED_AT, SMALL_HOLDOUT, ingest
from tests.tasks.card.test_labels import CHECKED, suspect
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened

PER_SOURCE = 60


def picture(kind: str, seed: int) -> np.ndarray:
    """A grey picture (28, 28): a disc, stripes or a cross, each somewhere else and of another brightness."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:28, :28] - random.integers(10, 18, 2)[:, None, None]
    shapes = {
        "disc": rows**2 + columns**2 < random.integers(36, 81),
        "stripes": (rows // random.integers(2, 4)) % 2 == 0,
        "cross": (abs(rows) < 3) | (abs(columns) < 3),
    }
    noise = random.integers(0, 30, (28, 28))
    return np.asarray(shapes[kind] * random.integers(120, 220) + noise, dtype=np.uint8)


def arrive(wrong: Mapping[int, str], unlabelled: bool = False) -> None:
    """Ten sources, each with pictures of all kinds; `wrong`: labels by the number of a picture of the first one."""
    kinds = ("disc", "stripes", "cross")
    for source in range(10):
        images = []
        for number in range(PER_SOURCE):
            kind = kinds[number % 3]
            label = wrong.get(number, kind) if source == 0 else kind
            data = encode_png(picture(kind, source * PER_SOURCE + number))
            images.append(
                CapturedImage(f"{number:02d}.png", f"s{source}", CAPTURED_AT, data, "" if unlabelled else label)
            )
        CaptureStore(opened().objects).write_by_content(images)
    ingest()


def plan() -> RetrainPlan:
    return plan_retrain.fn(opened(), "one", "full", "first")


def test_a_wrong_label_is_named_with_its_picture_and_counts_for_no_figure(configure: Configure) -> None:
    configure(SMALL_HOLDOUT)
    arrive({0: "cross", 7: "disc"})
    planned = plan()

    checked = check_labels.fn(opened(), planned)

    assert sorted((each.name, each.source, each.given, each.better) for each in checked.suspects) == [
        ("00.png", "s0", "cross", "disc"),
        ("07.png", "s0", "disc", "stripes"),
    ]
    assert planned.twins is not None
    left = 600 - planned.twins.n  # crosses that are nearly held-out ones are not trained on
    assert checked.judged == {"cross": left - 399, "disc": 200, "stripes": 199} and left > 580
    assert checked.tells_kinds and checked.agreement == pytest.approx(598 / 600, abs=0.01)
    page = opened().objects.get(checked.page).data.decode()
    assert page.count("<img ") == 2 and f"2 of {left} labels" in page
    (line,) = opened().ledger.entries("labels", "one")
    assert json.loads(line.body)["phase"] == "passed"
    doubted = [each.digest for each in checked.suspects]
    assert _labels_of(opened(), planned, doubted, checked) == ["", ""]
    catalogue = opened().catalogue.read(["digest", "label"]).to_pylist()
    assert {row["label"] for row in catalogue if row["digest"] in doubted} == {"cross", "disc"}, "none was changed"
    assert check_labels.fn(opened(), planned) == checked, "and it is not looked for twice"


def test_a_training_whose_labels_are_too_often_wrong_waits_with_the_way_out(configure: Configure) -> None:
    configure(f"{SMALL_HOLDOUT}\n[label_policy]\nmax_suspected_share = 0.001\n")
    arrive({0: "cross", 7: "disc"})
    for _ in range(2):
        with pytest.raises(DataRefused, match=r"2 of 5\d\d labels .*raise label_policy.max_suspected_share"):
            check_labels.fn(opened(), plan())


@pytest.mark.parametrize("more", ["", "[label_policy]\ncheck = false\n"])
def test_without_labels_or_without_the_wish_nothing_is_looked_at(configure: Configure, more: str) -> None:
    configure(f"{SMALL_HOLDOUT}\n{more}")
    arrive({}, unlabelled=not more)
    checked = check_labels.fn(opened(), plan())
    assert (checked.judged, checked.suspects, checked.page) == ({}, (), "")
    assert opened().ledger.entries("labels", "one") == []


def test_a_training_waits_only_where_labels_are_mostly_chance() -> None:
    assert judge_labels(CHECKED, 0.3).passed
    many = LabelsChecked(judged={"a": 2, "b": 2}, suspects=(suspect("a", "1"), suspect("b", "2")))
    verdict = judge_labels(many, 0.3)
    assert verdict.failed
    assert verdict.reason == "2 of 4 labels may be wrong: suspected_labels 0.5 > limit 0.3 share (n=4)"
