"""What a card says of labels: nothing without any; the worst kind first; who is in doubt counts for no figure."""

from __future__ import annotations

import numpy as np

from tasks.card.labels import label_rows
from tasks.label_values import LabelFigures, LabelsChecked, SuspectedImage
from tasks.scoring.label_figures import summarise


def suspect(given: str, digest: str = "d") -> SuspectedImage:
    return SuspectedImage(digest=digest, name="n.png", source="s", given=given, better="bag", score=0.01)


CHECKED = LabelsChecked(
    judged={"bag": 300, "shoe|s": 200},
    too_few={"hat": 4},
    agreement=0.9,
    tells_kinds=True,
    suspects=(suspect("bag"),),
    page="p",
)


def test_without_labels_nothing_is_said() -> None:
    assert label_rows(None, None, "run") == []
    assert label_rows(LabelsChecked(too_few={"one": 3}), LabelFigures(), "run") == []


def test_kinds_that_the_pictures_do_not_tell_are_said_so() -> None:
    (line, _) = label_rows(LabelsChecked(judged={"a": 30, "b": 30}, agreement=0.5), None, "run")
    assert line == "Labels: the pictures hardly tell these 2 kinds, so none of 60 labels is doubted."


def test_the_card_names_the_worst_kind_first_and_what_is_in_doubt() -> None:
    errors = np.concatenate([np.full(40, 0.01), np.full(50, 0.03), [0.5]])
    errors += np.linspace(0, 1e-4, len(errors))
    figures = summarise(errors, ["bag"] * 40 + ["shoe|s"] * 50 + ["hat"], CHECKED)

    lines = label_rows(CHECKED, figures, "run-1")

    assert lines[0] == (
        "Labels: 1 of 500 may be wrong ([pictures](/get-artifact?path=label_errors.html&run_uuid=run-1)); they count "
        "for no figure by label, and nothing was changed. Too few images to judge: hat."
    )
    table = [line.split(" | ") for line in lines if line.startswith("| ") and "label, on" not in line]
    assert [(row[0], row[1], row[-1]) for row in table] == [
        ("| hat", "1", "0 |"),
        ("| shoe\\|s", "50", "0 |"),
        ("| bag", "40", "1 |"),
    ]
    assert table[1][2].startswith("0.030") and " to " in table[1][3]
    assert table[0][3] == "too few (1)", "one image has no interval"
