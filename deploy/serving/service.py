"""One replica: its parts, their start and end, and the path of a request through them."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from data_checks.policy import InputPolicy
from deploy.serving.admission import Admission
from deploy.serving.answers import ProblemAnswer, refused_answer
from deploy.serving.batcher import Batcher
from deploy.serving.buffered import BufferedWriter
from deploy.serving.config import ServingConfig
from deploy.serving.errors import ImagesRefused, Problem
from deploy.serving.follower import ReleaseFollower
from deploy.serving.gate import Admitted, admit_uploads
from deploy.serving.loader import VersionLoader
from deploy.serving.metrics import Metrics
from deploy.serving.payload import parse_body
from deploy.serving.records import (
    PendingCapture,
    SegmentWriter,
    answered_rows,
    pending_captures,
    refused_rows,
)
from deploy.serving.router import choose_gate, choose_version
from deploy.serving.telemetry_sink import TelemetrySink
from deploy.serving.visit import Outcome, Visit, sane_request_id, sane_source
from deploy.stores.captures import CaptureStore
from deploy.stores.objects import ObjectStore
from deploy.stores.telemetry import RequestRow

# Values above which an answer is written in a thread: a quarter of a million hold the event loop for 60 ms.
INLINE_VALUES = 20_000
# What a telemetry row takes in memory, about: two codes, a histogram and the Python around them.
ROW_BYTES = 1_500
CLIENT_CLOSED = 499
Result = TypeVar("Result")


class Service:
    """The parts of a replica. Everything but the threads it owns runs on the event loop."""

    def __init__(
        self,
        config: ServingConfig,
        *,
        objects: ObjectStore,
        telemetry: TelemetrySink,
        public_key: Ed25519PublicKey,
        input_policy: InputPolicy,
        cache_folder: Path,
    ) -> None:
        self.config, self.input_policy = config, input_policy
        self.metrics = Metrics(config)
        loader = VersionLoader(
            objects, cache_folder, golden_tolerance=config.golden_tolerance, batch_max=config.batch_max
        )
        self.follower = ReleaseFollower(config, objects, loader, public_key, cache_folder, self.metrics)
        self.batcher = Batcher(config, self.metrics.batch_images.observe)
        self.telemetry = self._telemetry_writer(telemetry)
        self.captures = self._capture_writer(CaptureStore(objects))
        self._admission = Admission(max_requests=config.queue_limit, max_body_bytes=config.max_body_bytes)
        self._decoders = ThreadPoolExecutor(config.decode_threads, thread_name_prefix="serving-decode")
        self.metrics.watch_queue("requests", lambda: self._admission.requests)
        self.metrics.watch_queue("batch", lambda: self.batcher.images_waiting)
        self.metrics.watch_queue("telemetry", lambda: self.telemetry.depth)
        self.metrics.watch_queue("capture", lambda: self.captures.depth)

    def start(self) -> None:
        """Start the threads; the first version loads in the background."""
        torch.set_num_threads(self.config.threads)
        for part in (self.batcher, self.telemetry, self.captures, self.follower):
            part.start()

    def stop(self) -> None:
        """End the threads and write what waits; call it when no request is in flight."""
        self.follower.stop()
        self.batcher.stop()
        self._decoders.shutdown()
        deadline = time.monotonic() + self.config.final_flush_s
        self.captures.close()
        self.telemetry.stop(self.config.final_flush_s)
        self.captures.stop(max(0.5, deadline - time.monotonic()))

    async def answer(
        self, request: Request, route: str, render: Callable[[Outcome], Response], *, samples: int = 0
    ) -> Response:
        """Respond to one request, whatever happens to it.

        `X-Request-Id` names it, `X-Latentloop-Version` asks for a loaded version, `X-Latentloop-Source` says
        where its images come from. Telemetry and captures are offered to their queues, never written here.
        """
        visit = Visit(route, sane_request_id(request.headers.get("x-request-id")))
        status = 500
        try:
            response = await self._respond(request, visit, render, samples)
            status = response.status_code
        finally:
            self.metrics.requests.labels(route, visit.version, str(status)).inc()
            self.metrics.latency.labels(route).observe(visit.latency_ms / 1000)
        response.headers["X-Request-Id"] = visit.request_id
        if visit.version:
            response.headers["X-Latentloop-Version"] = visit.version
        return response

    async def _respond(
        self, request: Request, visit: Visit, render: Callable[[Outcome], Response], samples: int
    ) -> Response:
        try:
            with self._admission.enter() as ticket:
                body = await self._admission.read(request, ticket)
                visit.body_is_read()
                outcome = await self._score(request, visit, body, samples)
                if outcome.answer.scores.reconstruction.size <= INLINE_VALUES:
                    response = render(outcome)
                else:
                    response = await self._in_thread(lambda: render(outcome))
        except ImagesRefused as error:
            self._remember_refused(visit, error)
            return json_response(refused_answer(visit, error), 422)
        except Problem as problem:
            return self._problem_response(visit, problem)
        except ClientDisconnect:
            return Response(status_code=CLIENT_CLOSED)
        self._remember(request, outcome)
        return response

    async def _score(self, request: Request, visit: Visit, body: bytes, samples: int) -> Outcome:
        headers, slots = request.headers, self.follower.state.slots
        sane_source(headers.get("x-latentloop-source"), self.config.capture_source)
        version = choose_version(slots, visit.request_id, headers.get("x-latentloop-version"))
        visit.version = version.version
        gate = choose_gate(slots, version)

        def admit() -> Admitted:
            kind, encoding = headers.get("content-type", ""), headers.get("content-encoding", "")
            uploads = parse_body(body, kind, encoding, gate.preprocessing, self.config.max_images)
            return admit_uploads(uploads, gate, self.input_policy)

        admitted = await self._in_thread(admit)
        count = len(admitted.uploads)
        if samples * count > self.config.max_sampled_images:
            raise Problem(413, f"{count} images x {samples} samples: {self.config.max_sampled_images} is the limit")
        seed = int.from_bytes(hashlib.sha256(visit.request_id.encode()).digest()[:7])
        answer = await self.batcher.score(version, admitted.pixels, samples=samples, seed=seed)
        return Outcome(visit, version, admitted, answer)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._decoders, work)

    def _remember(self, request: Request, outcome: Outcome) -> None:
        # A request for a version by name is a trial, golden inputs say: no traffic that a judge should see.
        if "x-latentloop-version" not in request.headers:
            self.telemetry.offer(answered_rows(outcome, self.config.replica))
            source = sane_source(request.headers.get("x-latentloop-source"), self.config.capture_source)
            self.captures.offer(pending_captures(outcome, source))
        self.metrics.images.labels(outcome.version.version).inc(len(outcome.admitted.uploads))
        for error in outcome.answer.scores.recon_error:
            self.metrics.recon_error.labels(outcome.version.version).observe(float(error))

    def _remember_refused(self, visit: Visit, error: ImagesRefused) -> None:
        self.telemetry.offer(refused_rows(visit, self.config.replica, error.refused))
        for image in error.refused:
            self.metrics.refusals.labels(image.reason).inc()

    def _problem_response(self, visit: Visit, problem: Problem) -> Response:
        response = json_response(ProblemAnswer(request_id=visit.request_id, detail=str(problem)), problem.status)
        if problem.status == 503:
            response.headers["Retry-After"] = str(self.config.retry_after_s)
        if problem.close:
            response.headers["Connection"] = "close"
        return response

    def _telemetry_writer(self, telemetry: TelemetrySink) -> BufferedWriter[RequestRow]:
        config = self.config
        return BufferedWriter(
            "telemetry",
            telemetry.write,
            batch_items=config.telemetry_batch,
            batch_bytes=config.telemetry_batch * ROW_BYTES,
            period_s=config.telemetry_flush_s,
            queue_items=config.telemetry_queue,
            queue_bytes=config.telemetry_queue * ROW_BYTES,
            size=lambda row: ROW_BYTES,
            on_lost=self.metrics.lost.labels("telemetry").inc,
        )

    def _capture_writer(self, captures: CaptureStore) -> BufferedWriter[PendingCapture]:
        config = self.config
        return BufferedWriter(
            "captures",
            SegmentWriter(captures, config.replica, datetime.now(UTC)).write,
            batch_items=config.capture_segment_images,
            batch_bytes=config.capture_segment_bytes,
            period_s=config.capture_segment_s,
            queue_items=config.capture_queue,
            queue_bytes=config.capture_queue_bytes,
            size=lambda capture: capture.size,
            on_lost=self.metrics.lost.labels("capture").inc,
        )


def json_response(body: BaseModel, status: int = 200) -> Response:
    """Let pydantic write a body, several times faster than the standard library's JSON."""
    return Response(body.model_dump_json(), status_code=status, media_type="application/json")
