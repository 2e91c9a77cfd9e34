"""The labels before a training: which are probably wrong. Listed and shown, never changed; a VAE does not use them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data_checks.verdict import Evidence, Phase, Verdict
from deploy.record.verdicts import LABELS
from deploy.wiring import World
from tasks.card.label_sheet import draw_label_sheet
from tasks.dataset.images import benchmark_digests
from tasks.dataset.pixels import read_each, read_pixels
from tasks.dataset.rows import training_rows
from tasks.errors import DataRefused
from tasks.label_values import LabelsChecked, SuspectedImage
from tasks.plan import may_pass_later
from tasks.run.progress import counting, tell_step
from tasks.run.steps import finish_step, finished_step
from tasks.values import RetrainPlan

if TYPE_CHECKING:
    import pyarrow as pa

    from data_checks.label_errors import LabelJudgement
    from deploy.stores.catalogue import Catalogue

LABELS_STEP = "labels"
SHEET = "label_errors.html"
SHOWN = 200  # images of the contact sheet
AT_ONCE = 512  # images in memory while features are extracted
COLUMNS = ("segment", "row", "digest", "name", "source", "captured_at", "label")


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5, retry_condition_fn=may_pass_later)
def check_labels(world: World, plan: RetrainPlan) -> LabelsChecked:
    """List suspected label errors of the images that are trained on or measured; DataRefused above the policy's share.

    Nothing happens where the catalogue has no labels, or fewer than two kinds of enough images.
    """
    checked = finished_step(world.objects, plan.key, LABELS_STEP, LabelsChecked)
    if checked is None:
        checked = finish_step(world.objects, plan.key, LABELS_STEP, _check(world, plan))
    if checked.judged:
        _record(world, plan, checked)
    return checked


def _check(world: World, plan: RetrainPlan) -> LabelsChecked:
    from data_checks.label_errors import count_kinds, find_label_errors

    policy, catalogue = world.settings.label_policy, world.catalogue
    if not policy.check:
        return LabelsChecked()
    looked_at = _labelled(world, catalogue, plan, policy.most_images)
    labels: list[str] = looked_at.rows["label"].to_pylist()
    judged, too_few = count_kinds(labels, policy)
    if not judged:
        return LabelsChecked(too_few=too_few, older=looked_at.older)
    features = _extract(world, catalogue, plan, looked_at.rows)
    tell_step("judging", f"{len(labels):,} labels")
    judgement = find_label_errors(features, labels, policy, seed=plan.train.seed)
    page = _put_sheet(world, catalogue, plan, looked_at.rows, judgement) if judgement.suspects else ""
    return LabelsChecked(
        judged=judgement.judged,
        too_few=judgement.too_few,
        older=looked_at.older,
        agreement=judgement.agreement,
        tells_kinds=judgement.tells_kinds,
        suspects=_name(looked_at.rows, judgement),
        page=page,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _LookedAt:
    """The newest labelled rows, in the order of segment and row, and how many older ones there are."""

    rows: pa.Table
    older: int


def _labelled(world: World, catalogue: Catalogue, plan: RetrainPlan, at_most: int) -> _LookedAt:
    """Of what is trained on and of the benchmark; each image once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = catalogue.read(list(COLUMNS), version=plan.catalogue_version)
    wanted = {*training_rows(world, catalogue, plan, [])["digest"].to_pylist()}
    wanted.update(benchmark_digests(world.objects, plan.benchmark.prefix))
    rows = rows.filter(pc.and_(pc.not_equal(rows["label"], ""), pc.is_in(rows["digest"], pa.array(sorted(wanted)))))
    digests = rows["digest"].to_pylist()
    first = {digest: place for place, digest in reversed([*enumerate(digests)])}
    places = np.asarray(sorted(first.values()), dtype=np.int64)
    newest = places[np.argsort(rows["captured_at"].to_numpy()[places], kind="stable")[::-1][:at_most]]
    return _LookedAt(rows.take(np.sort(newest)), older=len(places) - len(newest))


def _extract(world: World, catalogue: Catalogue, plan: RetrainPlan, rows: pa.Table) -> np.ndarray:
    """Features (N, D) of the rows' images; only some hundred images are in memory at once."""
    import torch

    from tasks.scoring.measure import open_extractor

    torch.set_num_threads(world.settings.training.threads)
    extractor = open_extractor(world)
    tell = counting("labels", "images, by their features", len(rows))
    features, done = np.empty((len(rows), extractor.dim), dtype=np.float32), 0
    for places, pixels in _chunks(read_each(catalogue, plan.catalogue_version, rows, plan.preprocessing)):
        features[places] = extractor.extract(pixels)
        done += len(places)
        tell(done)
    return features


def _chunks(images: Iterator[tuple[int, np.ndarray]]) -> Iterator[tuple[list[int], np.ndarray]]:
    places: list[int] = []
    pixels: list[np.ndarray] = []
    for place, image in images:
        places.append(place)
        pixels.append(image)
        if len(places) == AT_ONCE:
            yield places, np.stack(pixels)
            places, pixels = [], []
    if places:
        yield places, np.stack(pixels)


def _name(rows: pa.Table, judgement: LabelJudgement) -> tuple[SuspectedImage, ...]:
    columns = {name: rows[name].to_pylist() for name in ("digest", "name", "source")}
    return tuple(
        SuspectedImage(
            **{name: column[each.row] for name, column in columns.items()},
            given=each.given,
            better=each.better,
            score=each.score,
        )
        for each in judgement.suspects
    )


def _put_sheet(world: World, catalogue: Catalogue, plan: RetrainPlan, rows: pa.Table, judgement: LabelJudgement) -> str:
    """The most suspected images beside both labels, among the run's pictures; returns the key."""
    shown = judgement.suspects[:SHOWN]
    places = np.sort(np.asarray([each.row for each in shown], dtype=np.int64))
    found = read_pixels(catalogue, plan.catalogue_version, rows.take(places), plan.preprocessing)
    pixels = found[np.searchsorted(places, [each.row for each in shown])]
    key = f"runs/{plan.key}/pictures/{SHEET}"
    suspects = _name(rows, judgement)
    world.objects.put(key, draw_label_sheet(pixels, suspects, sum(judgement.judged.values())).encode())
    return key


def _record(world: World, plan: RetrainPlan, checked: LabelsChecked) -> None:
    """The verdict, on record; DataRefused where it is against the training."""
    verdict = judge_labels(checked, world.settings.label_policy.max_suspected_share)
    LABELS.write(world.ledger, plan.key, verdict, world.now(), key=f"{LABELS.name}:{plan.key}:{verdict.phase}")
    if verdict.failed:
        raise DataRefused(
            f"labels of catalogue version {plan.catalogue_version}: {verdict.reason}; look at {checked.page} in the "
            "object store, correct the labels and ingest again, or raise label_policy.max_suspected_share "
            "(label_policy.check = false trains whatever the labels say)"
        )


def judge_labels(checked: LabelsChecked, limit: float) -> Verdict:
    """Whether the training may go on: it may, unless the labels are mostly chance."""
    n = sum(checked.judged.values())
    evidence = Evidence(name="suspected_labels", value=checked.share, limit=limit, unit="share", direction="lower", n=n)
    return Verdict(
        phase=Phase.passed if evidence.within_limit else Phase.failed,
        reason=f"{len(checked.suspects):,} of {n:,} labels may be wrong: {evidence.describe()}",
        evidence=(evidence,),
    )
