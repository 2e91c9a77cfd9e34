"""The demo told in chapters: real images, real servers, real deployments; every figure is read back from the stores."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx
import numpy as np

from deploy.release import Release
from deploy.settings import Settings
from deploy.stores.ledger import Ledger
from deploy.stores.release import ReleaseStore
from latentloop.demo.closing import close_story
from latentloop.demo.damage import DAMAGES, encode_png
from latentloop.demo.settings import FULL, QUICK, Scale, demo_settings
from latentloop.demo.shipment import DUPLICATE, Shipment, write_shipment
from latentloop.demo.traffic import send_images
from latentloop.errors import DemoFailed
from latentloop.fashion_mnist import FashionMnist, find_fashion_mnist
from latentloop.loop import ingest_folder, retrain_and_wait
from latentloop.processes import memory_mb
from latentloop.up import Running, running_installation
from tasks.values import Registered

NEW_KINDS = (5, 8)  # sandal and bag arrive in a later season
APPROVAL_TIMEOUT_S = 90.0
SEED = 20260

Say = Callable[[str], None]


@dataclass(slots=True)
class Chapter:
    """One chapter: its title, its seconds, and what it shows as rows of name and value."""

    title: str
    seconds: float = 0.0
    rows: list[tuple[str, str]] = field(default_factory=list)

    def show(self, name: str, value: str) -> None:
        """Add a row."""
        self.rows.append((name, value))


@dataclass(slots=True)
class Story:
    """What happened so far; `figures` maps a name to its measured value."""

    settings: Settings
    scale: Scale
    say: Say
    data: FashionMnist
    chapters: list[Chapter] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    registered: Registered | None = None

    @contextmanager
    def chapter(self, title: str) -> Iterator[Chapter]:
        """Time a chapter."""
        self.say(f"— {title}")
        chapter, began = Chapter(title), time.monotonic()
        self.chapters.append(chapter)
        yield chapter
        chapter.seconds = time.monotonic() - began


def run_demo(*, quick: bool, json_file: Path | None, report: Path, say: Say) -> None:
    """Tell the whole story; `DemoFailed` when something did not come true or the watchdog ended it."""
    scale = QUICK if quick else FULL
    began = time.monotonic()
    with _watchdog(scale.watchdog_s):
        settings = demo_settings(scale)
        say(f"home {settings.home.resolve()}")
        data = find_fashion_mnist(settings.fashion_mnist, settings.assets_folder)
        story = Story(settings, scale, _timed(say, began), data)
        with _memory_watch() as peak:
            with contextlib.ExitStack() as stack:
                with story.chapter("Everything starts"):
                    running = stack.enter_context(running_installation(settings, story.say))
                story.settings = running.settings
                _tell(story, running)
                with story.chapter("The report"):
                    finish = close_story(story, report)
            story.figures["peak_memory_mb"] = peak()
    story.figures["wall_s"] = time.monotonic() - began
    finish(json_file, "latentloop demo" + (" --quick" if quick else ""))


def _tell(story: Story, running: Running) -> None:
    random = np.random.default_rng(SEED)
    known = np.flatnonzero(~np.isin(story.data.train_labels, NEW_KINDS))
    order = random.permutation(known)
    shipment, traffic = order[: story.scale.shipment], order[-story.scale.requests :]
    assert not set(shipment.tolist()) & set(traffic.tolist()), "no image is seen twice"
    with story.chapter("Images arrive") as chapter:
        _images_arrive(story, chapter, story.data.train_images[shipment], random)
    running.tend(story.say)
    with story.chapter("A model is made and judged") as chapter:
        _model_is_made(story, chapter)
    running.tend(story.say)
    with story.chapter("A person approves, it serves") as chapter:
        _person_approves(story, chapter)
    with story.chapter("Ordinary traffic") as chapter:
        _ordinary_traffic(story, chapter, story.data.train_images[traffic], random)
    running.tend(story.say)


def _images_arrive(story: Story, chapter: Chapter, images: np.ndarray, random: np.random.Generator) -> None:
    folder = story.settings.home / "incoming"
    shipment = write_shipment(images, folder, random, story.say)
    counts = ingest_folder(story.settings, folder, story.say)
    caught = _caught(story.settings, shipment)
    story.figures |= {
        "images_received": counts.received,
        "images_accepted": counts.accepted,
        "images_quarantined": counts.quarantined,
        "corrupted_injected": shipment.damaged.total(),
        "corrupted_caught": caught,
    }
    _expect(counts.received == shipment.files, f"{shipment.files} images received, came {counts.received}")
    _expect(
        counts.accepted + counts.quarantined == counts.received,
        f"accepted + quarantined = received, came {counts.accepted} + {counts.quarantined} != {counts.received}",
    )
    chapter.show("files, 24 suppliers, 8 classes", f"{shipment.files:,}")
    chapter.show(f"damaged in {len(DAMAGES) + 1} ways", f"{shipment.damaged.total():,}")
    chapter.show("caught", f"{caught:,}")
    chapter.show("accepted + quarantined", f"{counts.accepted:,} + {counts.quarantined:,}")
    for reason, number in counts.reasons.items():
        chapter.show(f"quarantined: {reason}", f"{number:,}")


def _caught(settings: Settings, shipment: Shipment) -> int:
    """Damaged files found in quarantine; of a duplicate pair either file may have come first."""
    quarantined = set(settings.open_catalogue().read(["name"], table="quarantine")["name"].to_pylist())
    duplicates = sum(
        1 for reason in settings.open_catalogue().read(["reason"], table="quarantine")["reason"].to_pylist()
        if reason == "duplicate"
    )  # fmt: skip
    direct = sum(1 for name, kind in shipment.paths.items() if kind != DUPLICATE and name in quarantined)
    return direct + min(duplicates, shipment.damaged[DUPLICATE])


def _model_is_made(story: Story, chapter: Chapter) -> None:
    from vae_core.evaluation.benchmark_result import BenchmarkResult

    registered = retrain_and_wait(story.settings, "full", False, story.say)
    story.registered = registered
    objects = story.settings.open_objects()
    key = story.settings.open_registry().version(registered.version).tags["latentloop.trigger"]
    result = BenchmarkResult.model_validate_json(objects.get(f"runs/{key}/benchmark.json").data)
    story.figures |= {
        "recon_error_before_old": result.recon_error,
        "fd_efflite0_before_old": result.fd_samples.value,
        "active_units": result.active_units,
    }
    chapter.show("version", f"{registered.version}, benchmark {registered.benchmark}")
    chapter.show("recon_error", f"{result.recon_error:.5f} (n={result.n_images:,})")
    chapter.show("fd_efflite0 of samples", str(result.fd_samples))
    chapter.show("fd_efflite0 of reconstructions", str(result.fd_reconstructions))
    chapter.show("floor, real against real", str(result.fd_floor))
    chapter.show("−ELBO, KL", f"{result.neg_elbo:.1f}, {result.kl:.1f} nats")
    chapter.show("active units", f"{result.active_units} of {result.latent_dim}")
    chapter.show("gate", registered.reason)
    _expect(registered.benchmark == "passed", f"a candidate that passes its gate, came: {registered.reason}")


def _person_approves(story: Story, chapter: Chapter) -> None:
    assert story.registered is not None
    version = story.registered.version
    began = time.monotonic()
    approve_as_the_ui_does(story.settings, version)
    story.say(f"version {version} approved; waiting for the controller")
    release = _await_champion(story, version)
    chapter.show("approved at", story.registered.url)
    chapter.show("serves after", f"{time.monotonic() - began:.1f} s (release {release.epoch})")
    chapter.show("why", release.reason)


def approve_as_the_ui_does(settings: Settings, version: str) -> None:
    """The REST call that MLflow's page sends when a person edits the tag `approval`."""
    answer = httpx.post(
        f"{settings.mlflow_url}/ajax-api/2.0/mlflow/model-versions/set-tag",
        json={"name": settings.product, "version": version, "key": "approval", "value": "approved"},
        timeout=30,
    )
    answer.raise_for_status()


def _await_champion(story: Story, version: str) -> Release:
    releases = ReleaseStore(story.settings.open_database())
    deadline = time.monotonic() + APPROVAL_TIMEOUT_S
    while time.monotonic() < deadline:
        release = releases.read()
        ready = httpx.get(f"{story.settings.service_url}/readyz", timeout=10).json()
        champion = ready["slots"].get("champion")
        if release.champion is not None and champion is not None and champion["version"] == version:
            return release
        time.sleep(0.25)
    said = [each.body for each in Ledger(story.settings.open_database()).entries("approval-refused", limit=1)]
    raise DemoFailed(f"expected version {version} to serve within {APPROVAL_TIMEOUT_S:.0f} s of its approval: {said}")


def _ordinary_traffic(story: Story, chapter: Chapter, images: np.ndarray, random: np.random.Generator) -> None:
    assert story.settings.service_url is not None
    since = datetime.now(UTC)
    ordinary = send_images(story.settings.service_url, map(encode_png, images), story.say)
    black = send_images(
        story.settings.service_url,
        (DAMAGES["black"](images[0], random) for _ in range(story.scale.black_frames)),
        story.say,
    )
    refused = black.refused.get("low_variance", 0)
    failed = ordinary.failed + black.failed + sum(ordinary.refused.values())
    story.figures |= {
        "black_frames_sent": story.scale.black_frames,
        "black_frames_refused": refused,
        "failed_requests": failed,
        "latency_p50_ms": ordinary.percentile(50),
        "latency_p99_ms": ordinary.percentile(99),
    }
    chapter.show("ordinary requests", f"{ordinary.sent:,}, {failed} failed")
    chapter.show("latency at the client", f"p50 {ordinary.percentile(50):.1f} ms, p99 {ordinary.percentile(99):.1f} ms")
    chapter.show("recon_error, live", f"{np.mean(ordinary.recon_error):.5f}")
    chapter.show("black frames refused", f"{refused} of {story.scale.black_frames}")
    expected = ordinary.sent + black.sent
    seen = _await_telemetry(story, since, expected)
    chapter.show("telemetry rows", f"{seen:,} of {expected:,}")
    _expect(seen == expected, f"{expected} telemetry rows, came {seen}")
    _expect(failed == 0, f"0 failed requests, came {failed}: {ordinary.first_failure or ordinary.refused}")


def _await_telemetry(story: Story, since: datetime, expected: int) -> int:
    """Rows arrive off the answer's path, at most some seconds later."""
    telemetry, deadline = story.settings.open_telemetry(), time.monotonic() + 10
    while (seen := telemetry.count(since, datetime.now(UTC))) < expected and time.monotonic() < deadline:
        time.sleep(0.2)
    return seen


def _expect(true: bool, what: str) -> None:
    if not true:
        raise DemoFailed(f"expected {what}")


def _timed(say: Say, began: float) -> Say:
    return lambda line: say(f"[{time.monotonic() - began:5.0f} s] {line}")


@contextmanager
def _watchdog(seconds: int) -> Iterator[None]:
    """A story that hangs is ended, its processes with it."""

    def bite(number: int, frame: FrameType | None) -> NoReturn:
        raise DemoFailed(f"the watchdog ended the demo after {seconds} s; the logs are in .latentloop/demo/logs")

    before = signal.signal(signal.SIGALRM, bite)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _memory_watch() -> Iterator[Callable[[], float]]:
    """The peak of the resident memory over all processes, looked at every second."""
    ended, peak = threading.Event(), [0.0]

    def watch() -> None:
        while not ended.wait(1.0):
            peak[0] = max(peak[0], memory_mb())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: peak[0]
    finally:
        ended.set()
        thread.join()
