"""A training that is killed again and again: it resumes, finished steps stay finished, one version is registered."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from deploy.settings import CONFIG_VARIABLE, load_settings
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from deploy.wiring import open_objects, open_registry
from tasks.ingest import find_new_segments, ingest_segments
from tests.tasks.opened import forget, opened
from tests.vae_core.synthetic_images import boxes

KEY = "killed-again-and-again"
STEPS = 300
SETTINGS = f"""
product = "killed"
clock_factor = 0.05
[controller]
lease_s = 5
[input_policy]
min_variance = 0.0
[training.model]
variant = "conv_vae"
widths = [8, 16]
latent_dim = 8
[training.full]
batch_size = 64
snapshots = 0
mutual_information_every_steps = 0
twin_share = 0.0
checkpoint_every_steps = 20
[training.full.budget]
amount = {STEPS}
unit = "steps"
[evaluation]
n_images = 120
n_samples = 120
holdout_min = 100
holdout_share = 0.4
"""

pytestmark = pytest.mark.server


@pytest.fixture
def home(tmp_path: Path, mlflow_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    config = tmp_path / "latentloop.toml"
    config.write_text(SETTINGS)
    monkeypatch.setenv(CONFIG_VARIABLE, str(config))
    monkeypatch.setenv("LATENTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LATENTLOOP_MLFLOW_URL", mlflow_url)
    (tmp_path / "home").mkdir()
    forget()
    yield tmp_path / "home"
    forget()


@pytest.fixture
def driver(home: Path) -> Iterator[Driver]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.retrain_driver", KEY],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    with process:
        found = Driver(process)
        assert found.answer() == "ready"
        yield found
        assert process.stdin is not None
        process.stdin.close()


@dataclass(frozen=True)
class Driver:
    """Runs of the retraining, one after another."""

    process: subprocess.Popen[str]

    def start(self, crash_at: str = "") -> int:
        """The pid of a new run."""
        assert self.process.stdin is not None
        print(crash_at, file=self.process.stdin, flush=True)
        return int(self.answer())

    def answer(self) -> str:
        """The driver's next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def run(self, crash_at: str = "") -> int:
        """How a run ended; one that is started at once after a kill waits for the dead one's lease."""
        deadline = time.monotonic() + 400
        finished_before = "" if crash_at else "done"
        while True:
            self.start(crash_at)
            code = int(self.answer())
            if code != 3 or _state() == finished_before or time.monotonic() > deadline:
                return code
            time.sleep(0.5)


def test_a_training_killed_anywhere_ends_with_exactly_one_version(home: Path, driver: Driver) -> None:
    _fill_catalogue()
    _kill_while_training(home, driver)
    for crash_at in ("registry.create_version:after", "ledger.finish:before"):
        assert driver.run(crash_at) == 137, f"the run passed {crash_at} alive"
    assert driver.run() == 0
    assert driver.run() == 3, "a finished trigger is a duplicate"

    settings = load_settings()
    versions = open_registry(settings).versions()
    assert [each.tags["latentloop.trigger"] for each in versions] == [KEY]
    assert versions[0].approval == "pending"
    trained = json.loads(open_objects(settings).get(f"runs/{KEY}/trained.json").data)
    assert trained["resumed_from_step"] >= 20
    assert trained["steps"] == STEPS


def _kill_while_training(home: Path, driver: Driver) -> None:
    pid = driver.start()
    deadline = time.monotonic() + 400
    checkpoints = home / "work" / KEY / "checkpoints"
    while not list(checkpoints.glob("step-*")):
        assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE, "the training ended before it could be killed"
        assert time.monotonic() < deadline, "no checkpoint appeared"
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    assert int(driver.answer()) == -signal.SIGKILL


def _state() -> str:
    from deploy.stores.sql.ledger import Ledger

    found = Ledger(opened().engine).get_trigger(KEY)
    return found.state if found else ""


def _fill_catalogue() -> None:
    captures = CaptureStore(opened().objects)
    noise = np.random.default_rng(5).integers(0, 6, (600, 1, 28, 28), dtype=np.uint8)  # no two images are equal
    pixels = boxes(600, size=28, seed=5) + noise
    images = [
        CapturedImage(f"{row}.png", f"source-{row % 12:02d}", datetime(2026, 1, 1, tzinfo=UTC), _png(image))
        for row, image in enumerate(pixels[:, 0])
    ]
    captures.write_by_content(images)
    for chunk in find_new_segments.fn(opened()):
        counts = ingest_segments.fn(opened(), chunk)
        assert counts.accepted == 600


def _png(image: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, format="PNG")
    return out.getvalue()
