"""What Prometheus reads at /metrics: a registry per application, so that two do not collide."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from deploy.serving.config import ServingConfig

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]


class Metrics:
    """The counters and histograms of one replica; names begin with `latentloop_serving_`."""

    def __init__(self, config: ServingConfig) -> None:
        self.registry = CollectorRegistry()
        prefix = "latentloop_serving_"

        def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(prefix + name, text, labels, registry=self.registry)

        def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(prefix + name, text, labels, registry=self.registry)

        self.requests = counter("requests", "Answered requests", ("route", "version", "status"))
        self.images = counter("images", "Answered images", ("version",))
        self.refusals = counter("refusals", "Images that input validation refused", ("reason",))
        self.latency = Histogram(
            prefix + "latency_seconds",
            "From the first byte of the body to the finished answer; lower is better",
            ("route",),
            buckets=config.latency_buckets_s,
            registry=self.registry,
        )
        self.recon_error = Histogram(
            prefix + "recon_error",
            "Mean squared error per pixel and channel on [0, 1]; lower is better",
            ("version",),
            buckets=config.recon_error_buckets,
            registry=self.registry,
        )
        self.batch_images = Histogram(
            prefix + "batch_images",
            "Images in one forward pass",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=self.registry,
        )
        self.queue_depth = gauge(
            "queue_depth", "Waiting: images (batch, shadow, capture), rows (telemetry, pairs)", ("queue",)
        )
        self.lost = counter("lost", "Telemetry rows, pairs and captured images that will never be written", ("kind",))
        self.pairs = counter(
            "pairs",
            "Images compared: `missing` scored them off the answer's path, or failed",
            ("candidate", "missing", "outcome"),
        )
        self.pairs_dropped = counter("pairs_dropped", "Images that the shadow had no room for", ("candidate",))
        self.canary_failures = counter(
            "canary_failures", "Requests that the champion answered for a canary that failed", ("version",)
        )
        self.canary_share = gauge("canary_share", "Share of requests that the canary answers here, 0 to 1")
        self.canary_stopped = gauge("canary_stopped", "1 while this replica sends a failing canary nothing more")
        self.release_epoch = gauge("release_epoch", "Epoch of the release that is followed; 0 before the first")
        self.loaded = gauge("version_loaded", "1 for every version in memory", ("slot", "version"))
        self.load_failures = counter("version_load_failures", "Tries to load a version that failed", ("slot",))
        self.release_refused = counter("release_refused", "Release files that were not followed", ("cause",))
        self.store_reachable = gauge("object_store_reachable", "1 when the last look at the release file got an answer")

    def watch_queue(self, queue: str, depth: Callable[[], float]) -> None:
        """Report a queue's depth whenever somebody looks."""
        self.queue_depth.labels(queue).set_function(depth)

    def page(self) -> bytes:
        """Write the text exposition."""
        return generate_latest(self.registry)
