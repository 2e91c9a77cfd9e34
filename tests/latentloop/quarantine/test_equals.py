"""Who is to mend one of two equal images sees the names of both."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from deploy.stores.objects.captures import CapturedImage, CaptureStore
from tests.latentloop.quarantine.typed import run
from tests.tasks.arrivals import ingest, intact
from tests.tasks.opened import opened


def test_both_names_are_shown_of_an_image_that_is_in_the_catalogue_already(home: Path) -> None:
    (duplicate,) = json.loads(run("show", "duplicate", "--json").stdout)
    (kept,) = opened().catalogue.read(["name"])["name"].to_pylist()
    assert {duplicate["name"], kept} == {"good", "twin"}
    assert duplicate["equal_to"] == kept
    assert f"equal to '{kept}' of the catalogue: image " in run("show", "duplicate").stdout
    assert "equal_to" in run("show", "low_variance", "--json").stdout
    assert "equal to" not in run("show", "low_variance").stdout
    run("show", "all", "--html", str(home / "sheet.html"))
    assert f"equal to &#39;{kept}&#39; of the catalogue" in (home / "sheet.html").read_text("utf-8")


def test_both_names_are_shown_where_labels_differ(home: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for name, label in (("first.png", "apps"), ("second.png", "actions")):
        CaptureStore(opened().objects).write_by_content([CapturedImage(name, "s", at, intact(5), label)])
        ingest()

    (row,) = json.loads(run("show", "label_differs", "--json").stdout)

    assert (row["name"], row["equal_to"]) == ("second.png", "first.png")
    assert "'apps'" in row["detail"] and "'actions'" in row["detail"]
