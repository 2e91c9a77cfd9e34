"""The buffered writers of a replica: telemetry, pairs and captures, each with its limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from deploy.serving.config import ServingConfig
from deploy.serving.metrics import Metrics
from deploy.serving.outbox.buffered import BufferedWriter
from deploy.serving.outbox.records import PendingCapture, SegmentWriter
from deploy.serving.outbox.sinks import Sink
from deploy.stores.objects.captures import CaptureStore
from deploy.stores.sql.pairs import PairRow
from deploy.stores.sql.telemetry import RequestRow

# What a row takes in memory, about: a telemetry row two codes, a histogram and the Python around them.
ROW_BYTES, PAIR_BYTES = 1_500, 700
Row = TypeVar("Row")


def telemetry_writer(sink: Sink[RequestRow], config: ServingConfig, metrics: Metrics) -> BufferedWriter[RequestRow]:
    """Rows of requests, written every second."""
    return _row_writer("telemetry", sink, ROW_BYTES, config, metrics)


def pairs_writer(sink: Sink[PairRow], config: ServingConfig, metrics: Metrics) -> BufferedWriter[PairRow]:
    """Rows of pairs, written like telemetry."""
    return _row_writer("pairs", sink, PAIR_BYTES, config, metrics)


def capture_writer(captures: CaptureStore, config: ServingConfig, metrics: Metrics) -> BufferedWriter[PendingCapture]:
    """Answered images, written as segments."""
    return BufferedWriter(
        "captures",
        SegmentWriter(captures, config.replica, datetime.now(UTC)).write,
        batch_items=config.capture_segment_images,
        batch_bytes=config.capture_segment_bytes,
        period_s=config.capture_segment_s,
        queue_items=config.capture_queue,
        queue_bytes=config.capture_queue_bytes,
        size=lambda capture: capture.size,
        on_lost=metrics.lost.labels("capture").inc,
    )


def _row_writer(
    name: str, sink: Sink[Row], row_bytes: int, config: ServingConfig, metrics: Metrics
) -> BufferedWriter[Row]:
    return BufferedWriter(
        name,
        sink.write,
        batch_items=config.telemetry_batch,
        batch_bytes=config.telemetry_batch * row_bytes,
        period_s=config.telemetry_flush_s,
        queue_items=config.telemetry_queue,
        queue_bytes=config.telemetry_queue * row_bytes,
        size=lambda row: row_bytes,
        on_lost=metrics.lost.labels(name).inc,
        opens=True,
    )
