"""Files that were packed again count once, and as they are now."""

from __future__ import annotations

from pathlib import Path

from latentloop.quarantine.state import read_refused
from tests.latentloop.ingesting.ingested import ingested
from tests.tasks.arrivals import damaged, intact
from tests.tasks.opened import opened


def test_labels_that_come_later_are_learnt_and_none_is_changed(inbox: Path) -> None:
    for seed in range(4):
        (inbox / f"{seed}.png").write_bytes(intact(seed))
    (inbox / "labels.csv").write_text("id,label\n0.png,shoe\n")
    ingested(inbox)
    catalogue = opened().catalogue
    before = catalogue.read(), catalogue.version()
    (inbox / "labels.csv").write_text("id,label\n0.png,boot\n1.png,bag\n2.png,coat\n")

    found, again = ingested(inbox), ingested(inbox)

    assert (found.received, found.accepted, found.labelled, found.reasons) == (4, 1, 2, {"label_differs": 1})
    assert found.gone == 0, "a file that was packed again counts once"
    assert again.model_copy(update={"known": False, "judged_at": None}) == found.model_copy(update={"judged_at": None})
    assert again.known and not found.mostly_refused
    after = catalogue.read()
    labels = dict(zip(after["name"].to_pylist(), after["label"].to_pylist(), strict=True))
    assert labels == {"0.png": "shoe", "1.png": "bag", "2.png": "coat", "3.png": ""}
    assert after.drop_columns(["label"]) == before[0].drop_columns(["label"])
    assert catalogue.version() == before[1] + 2, "one for the labels, one for the segment"
    assert catalogue.read(version=before[1]) == before[0], "a version that was trained on stays as it was"
    (differs,) = [each for each in read_refused(opened()) if each.reason == "label_differs"]
    assert "the label 'shoe' in the catalogue, and came with 'boot'" in differs.detail


def test_files_that_changed_count_once_and_as_they_are_now(inbox: Path) -> None:
    for seed in range(4):
        (inbox / f"{seed}.png").write_bytes(intact(seed))
    (inbox / "4.png").write_bytes(damaged("black"))
    ingested(inbox)
    (inbox / "0.png").write_bytes(damaged("black"))
    (inbox / "4.png").write_bytes(intact(4))
    (inbox / "1.png").unlink()

    found = ingested(inbox)

    assert (found.received, found.accepted, found.refused, found.gone) == (5, 4, 1, 1), (
        "1.png is gone, and was taken in"
    )
    assert found.reasons == {"low_variance": 1}
