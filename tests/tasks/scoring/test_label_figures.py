"""Errors by label: what counts for a kind of image, and what a kind has of which no image is held out."""

from __future__ import annotations

import numpy as np

from tasks.card.labels import label_rows
from tasks.label_values import LabelsChecked
from tasks.scoring.label_figures import summarise


def test_a_kind_without_a_held_out_image_has_no_error() -> None:
    checked = LabelsChecked(judged={"bag": 30, "shoe": 30})
    figures = summarise(np.empty(0), [], checked)
    (bag, shoe) = figures.figures
    assert "| bag | 0 |  | too few (0) | 0 |" in label_rows(checked, figures, "run")
    assert (bag.n, bag.recon_error, shoe.n) == (0, None, 0)
