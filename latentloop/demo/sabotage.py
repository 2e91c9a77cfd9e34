"""Chapter five: a candidate with noised weights gets past every person; the shadow takes it back."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from deploy.release import Release
from latentloop.delivering.candidates import override_version, register_folder
from latentloop.demo.approval import approve_as_the_ui_does
from latentloop.demo.telling import Chapter, Story, expect
from latentloop.demo.traffic import Client, Traffic
from latentloop.errors import DemoFailed

NOISE = 0.3  # of each tensor's own standard deviation
MOST_REQUESTS = 4_000
STRETCH = 50
REASON = "the demo insists: somebody was in a hurry"


def sabotage_is_taken_back(story: Story, chapter: Chapter) -> None:
    """Registered by hand, overridden on record, approved; then the judges see what it does to real requests."""
    champion = story.world.releases.read().champion
    assert champion is not None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "sabotaged"
        _sabotage(story, Path(temporary) / "champion", folder)
        registered = register_folder(story.world, folder)
    override_version(story.world, registered.version, REASON)
    approve_as_the_ui_does(story.settings, registered.version)
    watched, traffic = Traffic(), Traffic()
    releases = story.world.releases
    with Client(story.settings.service_url or "", story.say) as client:
        while (fate := _fate(story, registered.version)) is None:
            if traffic.sent >= MOST_REQUESTS or watched.sent >= MOST_REQUESTS:
                raise DemoFailed(f"expected version {registered.version} taken back within {MOST_REQUESTS:,} requests")
            stretch = traffic if _on_trial(releases.read(), registered.version) else watched
            client.send(story.supply.season(), stretch, at_most=STRETCH)
    story.traffic.add(watched)
    story.traffic.add(traffic)
    story.figures["sabotage_requests_to_rollback"] = traffic.sent
    chapter.show("before its trial", f"{watched.sent:,} requests, {watched.failed} failed")
    serves = releases.read().champion
    chapter.show("registered by hand", f"version {registered.version}, override: {REASON}")
    chapter.show(
        "taken back after", f"{traffic.sent:,} requests, {traffic.versions[registered.version]:,} answered by it"
    )
    chapter.show("why", fate)
    expect(traffic.sent > 0, "the judges to have seen requests before they took it back")
    expect(serves == champion, f"version {champion.version} to serve still, came {serves}")
    expect(traffic.failed == 0, f"0 failed requests, came {traffic.failed}: {traffic.first_failure}")


def _sabotage(story: Story, source: Path, folder: Path) -> None:
    """The champion with noise on its weights: it loads, its golden answers are its own, it is just bad."""
    from deploy.stores.objects.artifacts import fetch_artifact
    from vae_core.artifact import make_golden, write_artifact

    champion = story.world.releases.read().champion
    assert champion is not None
    artifact = fetch_artifact(story.world.objects, champion.artifact, champion.digest, source)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weights in artifact.model.parameters():
            spread = float(weights.std()) if weights.numel() > 1 else 0.0
            weights.add_(torch.randn(weights.shape, generator=generator) * NOISE * spread)
    assert artifact.golden is not None
    write_artifact(folder, replace(artifact, golden=make_golden(artifact.model, np.array(artifact.golden.pixels))))


def _on_trial(release: Release, version: str) -> bool:
    return any(each is not None and each.version == version for each in (release.shadow, release.canary))


def _fate(story: Story, version: str) -> str | None:
    """Why it was taken back, once it was."""
    tags = story.world.registry.version(version).tags
    if tags.get("delivery") == "promoted":
        raise DemoFailed(f"expected the sabotaged version {version} to be taken back, it was promoted")
    if tags.get("delivery") == "refused":
        raise DemoFailed(f"expected version {version} to be tried, it was refused: {tags.get('delivery_reason')}")
    if tags.get("delivery") == "rolled_back":
        return tags.get("delivery_reason", "no reason was given")
    time.sleep(0.1)
    return None
