"""What a request leaves behind: rows for the telemetry, images for the captures; written elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from deploy.serving.errors import RefusedImage
from deploy.serving.http.png import encode_png
from deploy.serving.http.visit import Outcome, Visit
from deploy.stores.errors import PreconditionFailed
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from deploy.stores.sql.telemetry import RequestRow
from vae_core.images.preprocessing import pixel_digest


@dataclass(frozen=True, slots=True)
class PendingCapture:
    """An answered image on its way to a segment: its bytes as they came, or an array's pixels (C, H, W)."""

    name: str
    source: str
    captured_at: datetime
    content: bytes | np.ndarray

    @property
    def size(self) -> int:
        """Bytes that it holds in memory."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.nbytes


def answered_rows(outcome: Outcome, replica: str) -> list[RequestRow]:
    """One row per image of an answered request."""
    visit, scores = outcome.visit, outcome.answer.scores
    latency_ms = visit.latency_ms
    return [
        RequestRow(
            at=visit.arrived_at,
            request_id=visit.request_id,
            replica=replica,
            route=visit.route,
            version=visit.version,
            refusal=None,
            recon_error=float(scores.recon_error[row]),
            mu=scores.mu[row],
            norm=float(scores.norm[row]),
            image_mean=statistics.mean,
            image_variance=statistics.variance,
            image_entropy=statistics.entropy_bits,
            histogram=statistics.histogram,
            latency_ms=latency_ms,
            image_digest=_short_digest(outcome.admitted.pixels[row]),
            own={name: each[row] for name, each in scores.own.items()},
        )
        for row, statistics in enumerate(outcome.admitted.statistics)
    ]


def _short_digest(pixels: np.ndarray) -> int:
    """The first eight bytes of the digest that names these pixels (C, H, W) everywhere; 0 means unknown."""
    return int.from_bytes(bytes.fromhex(pixel_digest(pixels)[:16]), "big", signed=True) or 1


def refused_rows(visit: Visit, replica: str, refused: tuple[RefusedImage, ...]) -> list[RequestRow]:
    """One row per refused image, with its reason and no number: a refused image must not move a mean."""
    latency_ms = visit.latency_ms
    return [
        RequestRow(
            at=visit.arrived_at,
            request_id=visit.request_id,
            replica=replica,
            route=visit.route,
            version=visit.version,
            refusal=image.reason,
            recon_error=None,
            mu=None,
            norm=None,
            image_mean=None,
            image_variance=None,
            image_entropy=None,
            histogram=None,
            latency_ms=latency_ms,
        )
        for image in refused
    ]


def pending_captures(outcome: Outcome, source: str) -> list[PendingCapture]:
    """Keep an answered request's images as they came; arrays by the pixels that were read from them."""
    visit, admitted = outcome.visit, outcome.admitted
    return [
        PendingCapture(
            name=f"{visit.request_id}-{index}",
            source=source,
            captured_at=visit.arrived_at,
            content=upload.content if isinstance(upload.content, bytes) else admitted.pixels[index],
        )
        for index, upload in enumerate(admitted.uploads)
    ]


class SegmentWriter:
    """Turns batches of captures into the segments of one run of one replica, numbered from 0."""

    def __init__(self, captures: CaptureStore, replica: str, started_at: datetime) -> None:
        self._captures = captures
        # The time of the start is in the name: numbers begin again after a restart and meet no older segment.
        self._run = f"{replica}-{started_at:%Y%m%dT%H%M%S%f}Z"
        self._sequence = 0

    def write(self, batch: list[PendingCapture]) -> None:
        """One segment; the same batch written again after a lost reply is the same segment."""
        images = [
            CapturedImage(capture.name, capture.source, capture.captured_at, _bytes_of(capture.content))
            for capture in batch
        ]
        while True:
            try:
                self._captures.write(self._run, self._sequence, images)
            except PreconditionFailed:  # another process of this name began in the same microsecond
                self._sequence += 1
            else:
                self._sequence += 1
                return


def _bytes_of(content: bytes | np.ndarray) -> bytes:
    return content if isinstance(content, bytes) else encode_png(content)
