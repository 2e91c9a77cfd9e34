"""Labels that come after their images: an image without one gets the first, and none that it has is changed."""

from __future__ import annotations

from collections import Counter

import pytest

from deploy.stores import faults
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from tests.tasks.arrivals import CAPTURED_AT, ingest, intact
from tests.tasks.opened import opened

pytestmark = pytest.mark.usefixtures("configure")


def arrive(source: str, **labels: str) -> None:
    """Take in one segment of the images of these seeds, with these labels."""
    images = [
        CapturedImage(f"{source}/{seed}", source, CAPTURED_AT, intact(int(seed[1:])), label)
        for seed, label in labels.items()
    ]
    CaptureStore(opened().objects).write_by_content(images)
    ingest()


def labels() -> list[str]:
    """Of the images in the catalogue, in the order in which they came."""
    rows = opened().catalogue.read(["name", "label"]).to_pylist()
    return [row["label"] for row in sorted(rows, key=lambda row: row["name"])]


def decided() -> Counter[str]:
    """How many of the others have which newest decision."""
    return Counter(opened().catalogue.decisions()["reason"].to_pylist())


def test_a_known_image_without_a_label_gets_the_one_it_comes_with_and_comes_in_no_second_time() -> None:
    arrive("first", i0="", i1="shoe", i2="")
    arrive("second", i0="bag", i1="shoe", i2="")
    assert labels() == ["bag", "shoe", ""]
    assert decided() == {"labelled": 1, "duplicate": 2}


def test_another_label_than_the_one_it_has_is_refused_with_both() -> None:
    arrive("first", i0="shoe")
    arrive("second", i0="boot")
    assert labels() == ["shoe"]
    (row,) = opened().catalogue.read(["reason", "detail"], table="quarantine").to_pylist()
    assert row["reason"] == "label_differs"
    assert row["detail"].endswith("has the label 'shoe' in the catalogue, and came with 'boot'")


def test_of_two_labels_that_come_at_once_the_first_is_the_one() -> None:
    arrive("first", i0="")
    images = [
        CapturedImage(f"second/{number}", "second", CAPTURED_AT, intact(0), label)
        for number, label in enumerate(("bag", "coat"))
    ]
    CaptureStore(opened().objects).write_by_content(images)
    ingest()
    assert labels() == ["bag"]
    assert decided() == {"labelled": 1, "label_differs": 1}


def test_a_label_that_was_decided_before_a_kill_is_put_in_afterwards() -> None:
    class Killed(BaseException):
        pass

    def kill(name: str, moment: str) -> None:
        if (name, moment) == ("quarantine.append", "after"):
            raise Killed

    arrive("first", i0="", i1="")
    with faults.installed(kill), pytest.raises(Killed):
        arrive("second", i0="bag")
    assert labels() == ["", ""]
    ingest()
    assert labels() == ["bag", ""]
