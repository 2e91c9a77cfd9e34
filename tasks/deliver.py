"""The paired Fréchet difference of a trial: both models reconstruct the same captured images.

On one thread 2,000 images of 28 x 28 take 15 CPU seconds and 0.7 GiB, the 16,000 of a fourth look 100 CPU seconds and
1.6 GiB (each image passes the feature network three times); larger images add their pixels, N * C * H * W bytes twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import AwareDatetime, BaseModel, ConfigDict

from deploy.record.trials import FRECHET, TRIAL, MeasuredChange
from deploy.release import ServedVersion
from deploy.shown_time import show_time
from deploy.wiring import World
from tasks.errors import NotEnoughData, TrialOver

if TYPE_CHECKING:
    import numpy as np

    from vae_core.evaluation.features.extractor import FeatureExtractor
    from vae_core.families.variants import AnyModel

IMAGES_AT_ONCE = 1_000


class MeasurementPlan(BaseModel):
    """Which two versions, by which trial (`subject` in the ledger), on images that were captured since.

    `look`: 1 for the first measurement, 2 for the next. `least`, `most`: images that it needs and that it takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    candidate: ServedVersion
    champion: ServedVersion
    since: AwareDatetime
    look: int
    least: int
    most: int


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def plan_measurement(
    world: World, version: str, champion: str, since: str, look: int = 1, least: int = 0
) -> MeasurementPlan:
    """Find the trial in the ledger and both versions in the release; a look takes twice the images of the one before.

    `least`: so many at least, or the look would say no more than the one before.
    """
    release = world.releases.read()
    candidate, serving = release.canary or release.shadow, release.champion
    if candidate is None or serving is None or (candidate.version, serving.version) != (version, champion):
        raise TrialOver(
            f"version {version} is not tried against {champion} any more: release {release.epoch}, which says what "
            f"serves, has changed ({release.reason}); nothing to measure"
        )
    config = world.settings.evaluation
    least = max(least, config.min_trial_images)
    for begun in (each.body for each in TRIAL.lines(world.ledger, version)):
        if (begun.champion_digest, begun.digest) == (serving.digest, candidate.digest):
            return MeasurementPlan(
                subject=f"{version}@{begun.epoch}",
                candidate=candidate,
                champion=serving,
                since=datetime.fromisoformat(since),
                look=look,
                least=least,
                most=max(least, config.n_trial_images * 2 ** (look - 1)),
            )
    raise TrialOver(f"the ledger has no trial of version {version} against {champion}: nothing to measure")


@task(cache_policy=NO_CACHE, retries=1, retry_delay_seconds=2)
def measure_reconstructions(world: World, plan: MeasurementPlan, at_once: int = IMAGES_AT_ONCE) -> MeasuredChange:
    """Features of the images and of both models' reconstructions; the change with its interval.

    `at_once`: images whose float32 reconstructions are held.
    """
    import torch

    from deploy.controller.measure import LOOKS
    from tasks.scoring.measure import open_extractor
    from vae_core.evaluation.distances.paired_change import paired_reconstruction_change

    torch.set_num_threads(world.settings.training.threads)
    pixels = _captured(world, plan)
    extractor = open_extractor(world)
    candidate, champion = (
        _reconstruction_features(world.artifact(each.artifact, each.digest).model, pixels, extractor, at_once)
        for each in (plan.candidate, plan.champion)
    )
    change = paired_reconstruction_change(extractor.extract(pixels), candidate, champion, level=1 - 0.05 / LOOKS)
    return MeasuredChange(value=change.value, low=change.low, high=change.high, n=change.n)


@task(cache_policy=NO_CACHE, retries=3, retry_delay_seconds=2)
def record_change(world: World, plan: MeasurementPlan, measured: MeasuredChange) -> None:
    """The line that the judge reads."""
    FRECHET.write(world.ledger, plan.subject, measured, world.now(), key=f"{FRECHET.name}:{plan.subject}:{plan.look}")


def _reconstruction_features(
    model: AnyModel, pixels: np.ndarray, extractor: FeatureExtractor, at_once: int
) -> np.ndarray:
    import numpy as np

    from vae_core.evaluation.images.decoding import quantize
    from vae_core.inference import score_images

    parts = (pixels[start : start + at_once] for start in range(0, len(pixels), at_once))
    return np.concatenate([extractor.extract(quantize(score_images(model, part).reconstruction)) for part in parts])


def _captured(world: World, plan: MeasurementPlan) -> np.ndarray:
    """The newest images that replicas captured since the trial began, as the gate reads them: uint8 (N, C, H, W)."""
    import numpy as np

    from data_checks.input_validation import judge_image_bytes
    from deploy.stores.errors import ObjectMissing, StoreCorrupt
    from deploy.stores.objects.captures import PREFIX, CaptureStore

    captures, since = CaptureStore(world.objects), plan.since
    found: list[np.ndarray] = []
    older: set[str] = set()
    for key in reversed([key for key in captures.segments() if key.startswith(f"{PREFIX}requests/")]):
        if len(found) == plan.most:
            break
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
            if each.captured_at >= since and len(found) < plan.most:
                result = judge_image_bytes(each.data, world.settings.preprocessing, world.settings.input_policy)
                if result.pixels is not None and result.refusal is None:
                    found.append(result.pixels)
    if len(found) < plan.least:
        from_then = show_time(since, world.settings.timezone)
        raise NotEnoughData(
            f"{len(found)} images were captured since {from_then}: expected at least {plan.least} to "
            f"measure a Fréchet difference (look {plan.look}); the controller asks again"
        )
    return np.stack(found)
