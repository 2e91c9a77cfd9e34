"""A small installation whose season changes: a trained champion of boxes, then traffic with a tenth kind of image."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deploy.release import Release, ServedVersion
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from tasks.dataset.twins import twins_of
from tasks.plan import plan_retrain
from tasks.run.steps import finish_step
from tasks.values import RetrainPlan, Twins
from tests.tasks.arrivals import ingest
from tests.tasks.opened import forget, opened
from tests.vae_core.synthetic_images import boxes

SIZE = 28
SUPPLIERS = 12
SERVED_SINCE = datetime(2026, 3, 1, tzinfo=UTC)
MIN_NEW, MIN_WATCHED = 100, 10  # in place of 500 and 30: the story is the same, and quick
VAE = """
[training.model]
variant = "conv_vae"
widths = [8, 16]
latent_dim = 8
"""
SMALL_PRIOR = """
[training.code_prior]
width = 32
depth = 1
heads = 2
[training.code_prior.recipe]
look_every_steps = 20
checkpoint_every_steps = 20
[training.code_prior.recipe.budget]
amount = 60
unit = "steps"
"""
VQ_VAE = f"""
[training.model]
variant = "vq_vae"
widths = [8, 16]
codebook_size = 32
code_dim = 16
{SMALL_PRIOR}"""
SETTINGS = """
product = "{product}"
clock_factor = 0.05
[input_policy]
min_variance = 0.0
[training.full]
batch_size = 64
snapshots = 0
mutual_information_every_steps = 0
twin_share = 0.0
[training.full.budget]
amount = 200
unit = "steps"
[training.emergency]
batch_size = 64
learning_rate = 1e-3
final_learning_rate = 1e-4
validate_every_steps = 25
kl_warmup_share = 0.0
free_bits_nats = 0.0
[training.emergency.budget]
amount = 150
unit = "steps"
[training.incremental]
trains = "decoder"
batch_size = 64
learning_rate = 1e-3
final_learning_rate = 1e-4
kl_warmup_share = 0.0
free_bits_nats = 0.0
[training.incremental.budget]
amount = 60
unit = "steps"
[drift]
min_reference = 200
[gate]
kernel_margin = 10
[evaluation]
n_images = 250
n_samples = 250
holdout_min = 250
holdout_share = 0.3
"""


def known_images(count: int, seed: int) -> np.ndarray:
    """Boxes with a little noise, so that no two are equal: uint8 (count, 28, 28)."""
    noise = np.random.default_rng(seed).integers(0, 6, (count, SIZE, SIZE), dtype=np.uint8)
    return boxes(count, size=SIZE, seed=seed)[:, 0] + noise


def new_images(count: int, seed: int) -> np.ndarray:
    """The kind that no supplier ever sent: bright diagonal stripes, uint8 (count, 28, 28)."""
    random = np.random.default_rng(seed)
    down, across = np.mgrid[:SIZE, :SIZE]
    phase, width = random.uniform(0, 2 * np.pi, (count, 1, 1)), random.uniform(0.6, 1.2, (count, 1, 1))
    # a broad shade of each image's own: stripes alone would be copies of one another
    shade = random.uniform(-1, 1, (count, 4, 4)).repeat(SIZE // 4, axis=1).repeat(SIZE // 4, axis=2)
    stripes = 90 + 65 * np.sin(width * (down + across) + phase) + 15 * shade
    return (stripes + random.integers(0, 6, (count, SIZE, SIZE))).astype(np.uint8)


def sliding_images(count: int, seed: int) -> np.ndarray:
    """A camera that comes loose: the rows of every image slide a little further than the image's before.

    No cluster names the change, and each image keeps its grey levels, so no image statistic moves.
    """
    slopes = np.linspace(0.2, 0.6, count)
    rows, across = np.mgrid[:SIZE, :SIZE]
    slid = [
        image[rows, (across - np.rint(slope * (rows - SIZE / 2)).astype(int)) % SIZE]
        for slope, image in zip(slopes, known_images(count, seed), strict=True)
    ]
    return np.stack(slid)


def arrive_known() -> None:
    """The first catalogue: 1,200 boxes of twelve suppliers."""
    images = known_images(1_200, seed=5)
    for number in range(SUPPLIERS):
        ship(f"supplier-{number:02d}", images[number::SUPPLIERS])


def ship(source: str, images: np.ndarray, captured_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
    """A folder of files, packed."""
    CaptureStore(opened().objects).write_by_content(
        [CapturedImage(f"{source}-{row}.png", source, captured_at, _png(image)) for row, image in enumerate(images)]
    )


def capture_traffic(known: int, new: int, *, seed: int, day: int) -> None:
    """What a replica captured on one day: one image a second, the new ones spread evenly among the known."""
    images = np.concatenate([known_images(known, seed), new_images(new, seed + 1)])
    capture_images(images[np.random.default_rng(seed).permutation(len(images))], day=day)


def capture_images(images: np.ndarray, *, day: int) -> None:
    """What a replica captured on one day: these, one a second."""
    began = SERVED_SINCE + timedelta(days=day)
    captured = [
        CapturedImage(f"request-{day}-{place}", "http", began + timedelta(seconds=place), _png(image))
        for place, image in enumerate(images)
    ]
    for start in range(0, len(captured), 500):
        CaptureStore(opened().objects).write(f"replica-{day}", start // 500, captured[start : start + 500])


def change_season(day: int = 1, known: int = 630, new: int = 270) -> None:
    """A day of traffic with the new kind in it, ingested."""
    capture_traffic(known=known, new=new, seed=1_000 * day, day=day)
    ingest()


def plan_emergency(key: str = "drift-1") -> RetrainPlan:
    """The plan that a person asks for after it."""
    plan: RetrainPlan = plan_retrain.fn(opened(), key, "emergency", "drift: sandals", "by hand")
    return plan


def is_new(pixels: np.ndarray) -> np.ndarray:
    """Which of images (N, 1, 28, 28) are stripes: no box reaches the last row, whose ground is dark."""
    found: np.ndarray = pixels[:, 0, -1].max(axis=1) > 100
    return found


def serve(digest: str, artifact: str) -> None:
    """Make version 1 the champion."""
    champion = ServedVersion(version="1", digest=digest, artifact=artifact)
    opened().releases.compare_and_swap(0, Release(champion=champion, changed_at=opened().now(), reason="test"))


@contextmanager
def settled(home: Path, mlflow_url: str, model: str = VAE, product: str = "season") -> Iterator[None]:
    """Settle this process in an installation that trains this model; products share the registry's server."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "latentloop.toml").write_text(SETTINGS.format(product=product) + model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTLOOP_CONFIG", str(home / "latentloop.toml"))
        patch.setenv("LATENTLOOP_HOME", str(home / "home"))
        patch.setenv("LATENTLOOP_MLFLOW_URL", mlflow_url)
        patch.setattr("tasks.dataset.holdout.MIN_NEW_IMAGES", MIN_NEW)
        patch.setattr("tasks.dataset.holdout.MIN_EARLY_STOPPING", MIN_WATCHED)
        forget()
        try:
            yield
        finally:
            opened().engine.dispose()
            forget()


def copy_home(source: Path, target: Path) -> Path:
    """Another installation in the same state."""
    shutil.copytree(source, target)
    return target


def _png(image: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, format="PNG")
    return out.getvalue()


def planned_again(plan: RetrainPlan, key: str, **changes: Any) -> RetrainPlan:
    """The same plan under another key, with what it keeps beside its run."""
    if plan.twins is not None:
        finish_step(opened().objects, key, plan.twins.step, Twins(digests=twins_of(opened(), plan)))
    return plan.model_copy(update={"key": key, **changes})
