"""The version on each kind of image: errors by label, on the images whose label is not in doubt."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from deploy.wiring import World
from tasks.dataset.images import benchmark_digests
from tasks.label_errors import LABELS_STEP
from tasks.label_values import LabelFigure, LabelFigures, LabelsChecked
from tasks.run.device import training_device
from tasks.run.steps import finish_step, finished_step
from tasks.scoring.scores import score_many
from tasks.values import RetrainPlan

if TYPE_CHECKING:
    from vae_core.artifact import Artifact

FIGURES_STEP = "label-figures"


def measure_labels(world: World, plan: RetrainPlan, artifact: Artifact, pixels: np.ndarray) -> LabelFigures:
    """Errors by label of `pixels` (N, C, H, W), the first of the plan's `benchmark_old`; empty without labels."""
    checked = finished_step(world.objects, plan.key, LABELS_STEP, LabelsChecked)
    if checked is None or not checked.judged:
        return LabelFigures()
    from vae_core.placement import model_on

    labels = _labels_of(world, plan, benchmark_digests(world.objects, plan.benchmark.prefix)[: len(pixels)], checked)
    rows = np.asarray([place for place, label in enumerate(labels) if label], dtype=np.int64)
    device = training_device(world)
    errors = np.zeros(0)
    if len(rows):
        placed = model_on(artifact.model, device)
        errors = score_many(placed, pixels[rows], "images, by label", device=device).recon_error
    named = [labels[row] for row in rows]
    figures = summarise(np.asarray(errors, dtype=np.float64), named, checked)
    return finish_step(world.objects, plan.key, FIGURES_STEP, figures)


def summarise(errors: np.ndarray, labels: list[str], checked: LabelsChecked) -> LabelFigures:
    """The worst kind first; a kind that was judged and has no image here has no error."""
    from vae_core.evaluation.images.group_errors import measure_groups

    suspected = Counter(each.given for each in checked.suspects)
    groups = measure_groups(errors, labels) if len(errors) >= 2 else None
    found = {each.group: each for each in (*groups.judged, *groups.listed)} if groups is not None else {}
    figures = []
    for label in sorted({*checked.judged, *found}):
        group = found.get(label)
        interval = group.error if group is not None else None
        figures.append(
            LabelFigure(
                label=label,
                n=group.n if group is not None else 0,
                recon_error=group.mean if group is not None else None,
                low=interval.low if interval is not None else None,
                high=interval.high if interval is not None else None,
                suspected=suspected[label],
            )
        )
    return LabelFigures(figures=tuple(sorted(figures, key=lambda each: -(each.recon_error or 0.0))))


def _labels_of(world: World, plan: RetrainPlan, digests: list[str], checked: LabelsChecked) -> list[str]:
    """The label of each image; empty where it has none, or one that is in doubt."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = world.catalogue.read(["digest", "label"], version=plan.catalogue_version)
    rows = rows.filter(pc.is_in(rows["digest"], pa.array(digests, pa.string())))
    known = dict(zip(rows["digest"].to_pylist(), rows["label"].to_pylist(), strict=True))
    doubted = {each.digest for each in checked.suspects}
    return ["" if digest in doubted else known.get(digest, "") for digest in digests]
