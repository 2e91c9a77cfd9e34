"""The paired Fréchet difference of a trial: both models reconstruct the same captured images."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.context import engine, now, objects, settings
from tasks.deliver_values import MeasuredChange, MeasurementPlan
from tasks.errors import NotEnoughData

if TYPE_CHECKING:
    import numpy as np

    from deploy.release import ServedVersion
    from vae_core.artifact import Artifact


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def plan_measurement(version: str, champion: str, since: str) -> MeasurementPlan:
    """Find the trial in the ledger and both versions in the release."""
    from deploy.stores.ledger import Ledger
    from deploy.stores.release import ReleaseStore

    release = ReleaseStore(engine()).read()
    candidate, serving = release.canary or release.shadow, release.champion
    if candidate is None or serving is None or (candidate.version, serving.version) != (version, champion):
        raise NotEnoughData(
            f"version {version} is not tried against {champion} any more: the release of epoch {release.epoch} says "
            f"otherwise ({release.reason}); nothing to measure"
        )
    for each in Ledger(engine()).entries("trial", version):
        body = json.loads(each.body)
        if body["champion_digest"] == serving.digest and body["digest"] == candidate.digest:
            return MeasurementPlan(
                subject=f"{version}@{body['epoch']}",
                candidate=candidate,
                champion=serving,
                since=datetime.fromisoformat(since),
            )
    raise NotEnoughData(f"the ledger has no trial of version {version} against {champion}: nothing to measure")


@task(cache_policy=NO_CACHE, retries=1, retry_delay_seconds=2)
def measure_reconstructions(plan: MeasurementPlan) -> MeasuredChange:
    """Features of the images and of both models' reconstructions; the change with its interval."""
    import torch

    from tasks.measure import open_extractor
    from vae_core.evaluation.decoding import quantize
    from vae_core.evaluation.paired_change import paired_reconstruction_change
    from vae_core.inference import score_images

    torch.set_num_threads(settings().training.threads)
    pixels = _captured(plan.since)
    extractor = open_extractor()
    candidate, champion = (
        extractor.extract(quantize(score_images(_artifact(each).model, pixels).reconstruction))
        for each in (plan.candidate, plan.champion)
    )
    change = paired_reconstruction_change(extractor.extract(pixels), candidate, champion)
    return MeasuredChange(value=change.value, low=change.low, high=change.high, n=change.n)


@task(cache_policy=NO_CACHE, retries=3, retry_delay_seconds=2)
def record_change(plan: MeasurementPlan, measured: MeasuredChange) -> None:
    """The line that the judge reads."""
    from deploy.stores.ledger import Ledger

    body = measured.model_dump_json()
    Ledger(engine()).record("frechet", plan.subject, body, now(), key=f"frechet:{plan.subject}")


def _captured(since: datetime) -> np.ndarray:
    """The newest images that replicas captured since the trial began, as the gate reads them: uint8 (N, C, H, W)."""
    import numpy as np

    from data_checks.input_gate import judge_image_bytes
    from deploy.stores.captures import PREFIX, CaptureStore
    from deploy.stores.errors import ObjectMissing, StoreCorrupt

    captures, most = CaptureStore(objects()), settings().evaluation.n_trial_images
    found: list[np.ndarray] = []
    older: set[str] = set()
    for key in reversed([key for key in captures.segments() if key.startswith(f"{PREFIX}requests/")]):
        run = key.rpartition("/")[0]
        if run in older:  # the segments of a replica's run are numbered in time
            continue
        try:
            images = captures.read(key)
        except (ObjectMissing, StoreCorrupt) as error:  # one broken file must not hold a promotion up
            print(f"left out: {error}")
            continue
        if all(each.captured_at < since for each in images):
            older.add(run)
        for each in images:
            if each.captured_at >= since and len(found) < most:
                result = judge_image_bytes(each.data, settings().preprocessing, settings().input_policy)
                if result.pixels is not None and result.refusal is None:
                    found.append(result.pixels)
    least = settings().evaluation.min_trial_images
    if len(found) < least:
        raise NotEnoughData(
            f"{len(found)} images were captured since {since:%Y-%m-%d %H:%M:%S}: expected at least {least} to measure "
            "a Fréchet difference; the controller asks again"
        )
    return np.stack(found)


def _artifact(served: ServedVersion) -> Artifact:
    from deploy.stores.artifacts import fetch_artifact

    with tempfile.TemporaryDirectory() as temporary:
        return fetch_artifact(objects(), served.artifact, served.digest, Path(temporary) / "artifact")
