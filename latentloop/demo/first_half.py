"""Chapters one to three: images arrive, a model is made and judged, a person approves and it serves."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from latentloop.demo.approval import approve_as_the_ui_does, await_champion
from latentloop.demo.shipment import DUPLICATE, Shipment
from latentloop.demo.telling import Chapter, Story, expect
from latentloop.demo.traffic import Client, Traffic
from latentloop.ingesting.command import ingest_folder
from latentloop.runs.retraining import retrain_and_wait

if TYPE_CHECKING:
    from vae_core.evaluation.benchmark_result import BenchmarkResult


def images_arrive(story: Story, chapter: Chapter) -> None:
    """A shipment of which 3 % is damaged: everything damaged is caught, nothing is lost."""
    shipment = story.supply.ship(story.settings.home / "incoming", story.say)
    counts = ingest_folder(story.world, story.settings.home / "incoming", story.say)
    caught = _caught(story, shipment)
    story.figures |= {
        "images_received": counts.received,
        "images_accepted": counts.accepted + counts.converted,
        "images_quarantined": counts.quarantined,
        "corrupted_injected": shipment.damaged.total(),
        "corrupted_caught": caught,
        "good_refused_share": (counts.refused - caught) / (shipment.files - shipment.damaged.total()),
    }
    expect(counts.received == shipment.files, f"{shipment.files} images received, came {counts.received}")
    expect(
        counts.accepted + counts.converted + counts.quarantined == counts.received,
        f"accepted + converted + quarantined = received, came {counts.accepted} + {counts.converted} + "
        f"{counts.quarantined} != {counts.received}",
    )
    chapter.show(f"files, {shipment.told}", f"{shipment.files:,}")
    chapter.show(f"damaged in {len(shipment.damaged)} ways", f"{shipment.damaged.total():,}")
    chapter.show("caught", f"{caught:,}")
    if counts.converted:
        chapter.show("of the accepted, converted to the form of the model", f"{counts.converted:,}")
    chapter.show("accepted + quarantined", f"{counts.accepted + counts.converted:,} + {counts.quarantined:,}")
    for reason, number in counts.reasons.items():
        chapter.show(f"quarantined: {reason}", f"{number:,}")


def _caught(story: Story, shipment: Shipment) -> int:
    """Damaged files found in quarantine; of a duplicate pair either file may have come first."""
    rows = story.world.catalogue.read(["name", "reason"], table="quarantine").to_pylist()
    quarantined = {row["name"] for row in rows}
    duplicates = sum(1 for row in rows if row["reason"] == "duplicate")
    direct = sum(1 for name, kind in shipment.paths.items() if kind != DUPLICATE and name in quarantined)
    return direct + min(duplicates, shipment.damaged[DUPLICATE])


def model_is_made(story: Story, chapter: Chapter) -> None:
    """The full tier, through the deployment that a month would start."""
    from vae_core.evaluation.benchmark_result import BenchmarkResult

    registered = retrain_and_wait(story.world, "full", False, story.say)
    story.versions["first"] = registered
    key = story.world.registry.version(registered.version).tags["latentloop.trigger"]
    objects = story.world.objects
    result = BenchmarkResult.model_validate_json(objects.get(f"runs/{key}/benchmark.json").data)
    assert result.fd_samples is not None, "a trained version has a prior to sample from"
    story.figures |= {
        "recon_error_before_old": result.recon_error,
        "recon_error_before_new": None,
        "fd_efflite0_before_old": result.fd_samples.value,
        "fd_efflite0_before_new": None,
        "active_units": result.active_units,
        "kl": result.kl,
        "codes_used": result.codes_used,
        "code_perplexity": result.code_perplexity,
    }
    chapter.show("version", f"{registered.version}, benchmark {registered.benchmark}")
    chapter.show("recon_error", f"{result.recon_error:.5f} (n={result.n_images:,})")
    chapter.show("fd_efflite0 of samples", str(result.fd_samples))
    chapter.show("fd_efflite0 of reconstructions", str(result.fd_reconstructions))
    chapter.show("floor, real against real", str(result.fd_floor))
    _show_code(result, chapter)
    chapter.show("gate", registered.reason)
    expect(registered.benchmark == "passed", f"a candidate that passes its gate, came: {registered.reason}")


def _show_code(result: BenchmarkResult, chapter: Chapter) -> None:
    """What each family has: a KL and units, or codes."""
    for name, value in result.family.tell_figures(result):
        chapter.show(name, value)


def person_approves(story: Story, chapter: Chapter) -> None:
    """The tag in the registry is the whole approval; the controller does the rest."""
    first, began = story.versions["first"], time.monotonic()
    approve_as_the_ui_does(story.settings, first.version)
    story.say(f"version {first.version} approved; waiting for the controller")
    release = await_champion(story.world, first.version)
    chapter.show("approved at", first.url)
    chapter.show("serves after", f"{time.monotonic() - began:.1f} s (release {release.epoch})")
    chapter.show("why", release.reason)


def ordinary_traffic(story: Story, chapter: Chapter) -> None:
    """Known kinds of images and a covered lens: no alarm, no failure, every request on record."""
    assert story.settings.service_url is not None
    since = datetime.now(UTC)
    traffic = Traffic()
    with Client(story.settings.service_url, story.say) as client:
        client.send(story.supply.ordinary(), traffic)
    story.traffic.add(traffic)
    story.figures |= {
        "latency_p50_ms": traffic.percentile(50),
        "latency_p99_ms": traffic.percentile(99),
    }
    chapter.show("ordinary requests", f"{traffic.sent - traffic.black_sent:,}, {traffic.failed} failed")
    chapter.show("latency at the client", f"p50 {traffic.percentile(50):.1f} ms, p99 {traffic.percentile(99):.1f} ms")
    chapter.show("recon_error, live", f"{np.mean(traffic.recon_error['old']):.5f}")
    chapter.show("black frames refused", f"{traffic.refused['low_variance']} of {traffic.black_sent}")
    seen = _await_telemetry(story, since, traffic.sent)
    chapter.show("telemetry rows", f"{seen:,} of {traffic.sent:,}")
    expect(seen == traffic.sent, f"{traffic.sent} telemetry rows, came {seen}")
    expect(traffic.failed == 0, f"0 failed requests, came {traffic.failed}: {traffic.first_failure}")
    # of somebody's own pictures a good one may be refused: that is a figure of its own
    others = set(traffic.refused) - {"low_variance"} if story.supply.most_season is None else set[str]()
    expect(
        not others and traffic.refused["low_variance"] == traffic.black_sent,
        f"that exactly the {traffic.black_sent} black frames are refused, came {dict(traffic.refused)}",
    )


def _await_telemetry(story: Story, since: datetime, expected: int) -> int:
    """Rows arrive off the answer's path, at most some seconds later."""
    telemetry, deadline = story.world.telemetry, time.monotonic() + 10
    while (seen := telemetry.count(since, datetime.now(UTC))) < expected and time.monotonic() < deadline:
        time.sleep(0.2)
    return seen
