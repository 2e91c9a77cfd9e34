"""A small real house for the tests: objects in a folder, telemetry in SQLite, keys, tiny real versions."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch
from PIL import Image

from data_checks.policy import InputPolicy
from deploy.release import Release, ServedVersion
from deploy.serving.config import ServingConfig
from deploy.serving.http.app import create_app
from deploy.serving.run import Server, listen
from deploy.serving.service import Service
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from deploy.stores.objects.local import LocalObjects
from deploy.stores.objects.release_file import RELEASE_KEY, generate_keys, sign_release
from deploy.stores.sql.pairs import Pairs
from deploy.stores.sql.telemetry import Telemetry, TelemetryWindow
from tests.deploy.stores.migrated import open_migrated
from tests.deploy.stores.pair_window import PairWindow, read_window
from vae_core.artifact import Artifact, TrainingSummary, make_golden, write_artifact
from vae_core.config import Budget, TrainConfig
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae
from vae_core.images.preprocessing import Preprocessing, to_unit
from vae_core.reference import measure_reference

OLDER = Preprocessing.model_validate({"schema_version": 1})  # refuses what the schema of today converts
MODEL = ConvVaeConfig(widths=(4, 8), latent_dim=4)
VQ_MODEL = VqVaeConfig(widths=(4, 8), codebook_size=16, code_dim=4)
SETTINGS_DIGEST = "5e" * 32
POLICY = InputPolicy(min_variance=0.003)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Random but image-like pixels: uint8 (N, 1, 28, 28), a bright box on a gradient."""
    generator = np.random.default_rng(seed)
    images = np.tile(np.linspace(0, 60, 28, dtype=np.float64), (count, 1, 28, 1))
    for image in images:
        top, left, height, width = generator.integers(2, 12, 4)
        image[0, top : top + height, left : left + width] += generator.integers(80, 180)
    return np.clip(images + generator.normal(0, 5, images.shape), 0, 255).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """One grey image (1, H, W) as a file."""
    file = io.BytesIO()
    Image.fromarray(pixels[0]).save(file, "PNG")
    return file.getvalue()


def palette_png(pixels: np.ndarray) -> bytes:
    """One grey image (1, H, W) as a file that names its greys in a palette."""
    file = io.BytesIO()
    Image.fromarray(pixels[0]).convert("P").save(file, "PNG")
    return file.getvalue()


def jpeg(pixels: np.ndarray) -> bytes:
    """One grey image (1, H, W) as a file."""
    file = io.BytesIO()
    Image.fromarray(pixels[0]).save(file, "JPEG", quality=95)
    return file.getvalue()


def tiny_artifact(
    seed: int,
    *,
    with_reference: bool = True,
    preprocessing: Preprocessing | None = None,
    config: ConvVaeConfig | VqVaeConfig = MODEL,
) -> Artifact:
    """Make an untrained but complete version; other seeds are other weights."""
    model = build_model(config, seed).eval()
    seen = np.repeat(pictures(64, seed=1), config.channels, axis=1)
    if isinstance(model, VqVae):
        model.start_codes([to_unit(seen)], torch.Generator().manual_seed(seed))
    reference = measure_reference(model, seen)
    return Artifact(
        model=model,
        model_config=config,
        preprocessing=preprocessing or Preprocessing(),
        prior=None,
        reference=reference if with_reference else None,
        golden=make_golden(model, np.repeat(pictures(4, seed=2), config.channels, axis=1)),
        summary=TrainingSummary(
            steps=1,
            epochs=1,
            seconds=1.0,
            train_config=TrainConfig(budget=Budget(amount=1, unit="steps")),
            dataset_version="0",
        ),
        digest="",
    )


@dataclass
class House:
    """What a replica needs, under one folder that `deploy.settings` knows as `home`."""

    root: Path
    _epoch: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.objects = LocalObjects(self.root / "objects")
        self.engine = open_migrated(self.root / "telemetry.db")
        self.telemetry = Telemetry(self.engine)
        self.pairs = Pairs(self.engine)
        self.keys = generate_keys(self.root / "secrets")
        self.cache = self.root / "cache"

    def close(self) -> None:
        self.engine.dispose()

    def add_version(self, version: str, *, seed: int, **options: Any) -> ServedVersion:
        """Write an artifact into the object store, as registration does."""
        folder = self.root / "built" / version
        digest = write_artifact(folder, tiny_artifact(seed, **options))
        prefix = f"artifacts/{version}"
        for file in sorted(folder.iterdir()):
            self.objects.put(f"{prefix}/{file.name}", file.read_bytes())
        return ServedVersion(version=version, digest=digest, artifact=prefix)

    def release(self, *, epoch: int | None = None, **slots: Any) -> Release:
        """Make the next release, or one of a given epoch."""
        self._epoch = self._epoch + 1 if epoch is None else epoch
        return Release(epoch=self._epoch, changed_at=datetime.now(UTC), reason="test", **slots)

    def publish(self, **slots: Any) -> Release:
        """Sign and publish a release."""
        release = self.release(**slots)
        self.objects.put(RELEASE_KEY, sign_release(release, self.keys.private))
        return release

    def rows(self) -> TelemetryWindow:
        """All telemetry."""
        return self.telemetry.window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))

    def paired(self, candidate: str, champion: str) -> PairWindow:
        """All pairs of two versions."""
        ever = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        return read_window(self.engine, *ever, candidate=candidate, champion=champion)

    def captured(self) -> list[CapturedImage]:
        """All captured images, segment by segment."""
        store = CaptureStore(self.objects)
        return [image for key in store.segments() for image in store.read(key)]


def quick_config(**changes: Any) -> ServingConfig:
    """Take the defaults, impatient."""
    values = {
        "replica": "test",
        "release_poll_s": 0.02,
        "telemetry_flush_s": 0.02,
        "final_flush_s": 5,
        **changes,
    }
    return ServingConfig(**values)


@contextmanager
def replica(house: House, *, ready: bool = True, changed_pixels: str = "", **changes: Any) -> Iterator[httpx.Client]:
    """Run an application in a thread, on a free port; leaving the block is its orderly shutdown."""
    with running(house, ready=ready, changed_pixels=changed_pixels, **changes) as (client, _):
        yield client


@contextmanager
def running(
    house: House,
    *,
    ready: bool = True,
    changed_pixels: str = "",
    http: type[asyncio.Protocol] | str = "auto",
    **changes: Any,
) -> Iterator[tuple[httpx.Client, Service]]:
    """Run a replica whose parts a test wants to see, or to break."""
    config = quick_config(**changes)
    app = create_app(
        config,
        objects=house.objects,
        telemetry=house.telemetry,
        pairs=house.pairs,
        public_key=house.keys.public,
        input_policy=POLICY,
        cache_folder=house.cache,
        settings_digest=SETTINGS_DIGEST,
        changed_pixels=changed_pixels,
    )
    server = Server(app, config, http)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            wait_until(lambda: server.started, "the start of the server")
            host, port = listener.getsockname()
            with httpx.Client(base_url=f"http://{host}:{port}", timeout=120) as client:
                if ready:
                    wait_until(lambda: client.get("/readyz").status_code == 200, "readiness")
                yield client, app.state.service
        finally:
            server.should_exit = True
            thread.join()


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 240) -> None:
    """Look again every 10 ms."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)
