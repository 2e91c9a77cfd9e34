"""One replica: its parts, their start and end, and the path of a request through them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from data_checks.policy import InputPolicy
from deploy.serving.config import ServingConfig
from deploy.serving.errors import ImagesRefused, Problem
from deploy.serving.http.admission import Admission, Ticket
from deploy.serving.http.answers import Readiness, readiness, refused_answer
from deploy.serving.http.bodies.limits import BodyLimits
from deploy.serving.http.decoding import Decoding
from deploy.serving.http.departure import BODY_S, Departure
from deploy.serving.http.image_validation import Admitted, admit_uploads, require_decodable
from deploy.serving.http.payload import parse_body
from deploy.serving.http.refusals import Refusals, json_response
from deploy.serving.http.visit import Outcome, Visit, sane_request_id, sane_source
from deploy.serving.metrics import Metrics
from deploy.serving.outbox.records import answered_rows, pending_captures, refused_rows
from deploy.serving.outbox.sinks import Sink
from deploy.serving.outbox.writers import capture_writer, pairs_writer, telemetry_writer
from deploy.serving.trial.circuit_breaker import CircuitBreaker, canary_failed
from deploy.serving.trial.shadow import Shadow
from deploy.serving.trial.sides import answered_sides, failed_side, pair_rows, shadow_job
from deploy.serving.versions.follower import ReleaseFollower, ReplicaState, Trouble
from deploy.serving.versions.lanes import Lanes
from deploy.serving.versions.loader import VersionLoader
from deploy.serving.versions.router import LoadedVersion, Slots, choose_pairing, choose_validator, choose_version
from deploy.stores.objects.captures import CaptureStore
from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.pairs import PairRow
from deploy.stores.sql.telemetry import RequestRow

# Values above which an answer is written in a thread: a quarter of a million hold the event loop for 60 ms.
INLINE_VALUES = 20_000
CLIENT_CLOSED = 499
_LOG = logging.getLogger("latentloop.serving")


class Service:
    """The parts of a replica. Everything but the threads it owns runs on the event loop."""

    def __init__(
        self,
        config: ServingConfig,
        *,
        objects: ObjectStore,
        telemetry: Sink[RequestRow],
        pairs: Sink[PairRow],
        public_key: Ed25519PublicKey,
        input_policy: InputPolicy,
        cache_folder: Path,
        settings_digest: str,
        changed_pixels: str,
    ) -> None:
        self.config, self.input_policy, self._settings_digest = config, input_policy, settings_digest
        self.metrics = Metrics(config)
        loader = VersionLoader(
            objects, cache_folder, golden_tolerance=config.golden_tolerance, batch_max=config.batch_max
        )
        self.follower = ReleaseFollower(config, objects, loader, public_key, cache_folder, self.metrics)
        self.circuit_breaker = CircuitBreaker(config.canary_failures_to_stop, self.metrics)
        self.lanes = Lanes(config, self.metrics.batch_images.observe)
        self.telemetry = telemetry_writer(telemetry, config, self.metrics)
        self.pairs = pairs_writer(pairs, config, self.metrics)
        self.captures = capture_writer(CaptureStore(objects), config, self.metrics)
        self.shadow = Shadow(config, input_policy, self.pairs.offer, self.metrics)
        self.departure = Departure()
        self.refusals = Refusals(config, self.metrics, self.departure)
        self._admission = Admission(max_requests=config.queue_limit, max_body_bytes=config.max_body_bytes)
        self._limits = BodyLimits.of(config)
        self._of_decoders = (Trouble("decoders", changed_pixels),) if changed_pixels else ()
        self._decoding = Decoding(config.decode_threads, config.decode_wait_s)
        self.metrics.watch_queue("requests", lambda: self._admission.requests)
        self.metrics.watch_queue("batch", lambda: self.lanes.images_waiting)
        self.metrics.watch_queue("shadow", lambda: self.shadow.depth)
        self.metrics.watch_queue("telemetry", lambda: self.telemetry.depth)
        self.metrics.watch_queue("pairs", lambda: self.pairs.depth)
        self.metrics.watch_queue("capture", lambda: self.captures.depth)
        self.metrics.canary_share.set_function(lambda: self.state.slots.canary_share)
        self.metrics.canary_stopped.set_function(lambda: self.circuit_breaker.stops(self.follower.state))

    @property
    def state(self) -> ReplicaState:
        """What the release says, less a canary that failed here."""
        return self.circuit_breaker.applied(self.follower.state)

    def readiness(self) -> Readiness:
        """Say what serves here, what is tried, and what is wrong."""
        away = tuple(
            Trouble(writer.name, f"{writer.away}; {writer.depth} rows or images wait")
            for writer in (self.telemetry, self.pairs, self.captures)
            if writer.away is not None
        )
        state = replace(self.state, troubles=(*self.state.troubles, *away, *self._of_decoders))
        pairing = choose_pairing(state.slots)
        return readiness(state, self.config.replica, self._settings_digest, pairing, self.shadow.status(pairing))

    def start(self) -> None:
        """Start the threads, on the event loop; the first version loads in the background."""
        torch.set_num_threads(self.config.threads)
        for part in (self.telemetry, self.pairs, self.captures):
            part.start()
        loop = asyncio.get_running_loop()

        def follow(slots: Slots) -> None:
            with contextlib.suppress(RuntimeError):  # a version that was loading when the loop ended
                loop.call_soon_threadsafe(self.lanes.follow, slots)

        self.follower.start(follow)

    def stop(self) -> None:
        """End the threads and write what waits; call it when no request is in flight."""
        self.follower.stop()
        self.lanes.stop()
        self._decoding.stop()
        deadline = time.monotonic() + self.config.final_flush_s
        self.captures.close()
        self.telemetry.close()
        self.shadow.stop(self.config.final_flush_s / 4)
        for writer in (self.pairs, self.telemetry, self.captures):
            writer.stop(max(0.5, deadline - time.monotonic()))

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
            self.departure.require_open()
            with self._admission.enter() as ticket:
                async with self.departure.limit(BODY_S):
                    await self._admission.read(request, ticket)
                visit.body_is_read()
                async with self.departure.limit(self.config.graceful_shutdown_s):
                    outcome, response = await self._answer(request, visit, ticket, render, samples)
        except ImagesRefused as error:
            self._remember_refused(visit, error)
            return json_response(refused_answer(visit, error), 422)
        except Problem as problem:
            return self.refusals.say(visit.request_id, problem)
        except ClientDisconnect:
            return Response(status_code=CLIENT_CLOSED)
        self._remember(request, outcome)
        return response

    async def _answer(
        self, request: Request, visit: Visit, ticket: Ticket, render: Callable[[Outcome], Response], samples: int
    ) -> tuple[Outcome, Response]:
        """Let the chosen version answer; for a canary that fails the champion does, and nobody notices."""
        headers, state = request.headers, self.state
        slots, wanted = state.slots, headers.get("x-latentloop-version")
        sane_source(headers.get("x-latentloop-source"), self.config.capture_source)

        async def answer_by(version: LoadedVersion) -> tuple[Outcome, Response]:
            visit.version = version.version
            outcome = await self._score(request, visit, ticket, version, slots, samples)
            if wanted is None:
                outcome = replace(outcome, pairing=choose_pairing(slots))
            if outcome.answer.scores.reconstruction.size <= INLINE_VALUES:
                return outcome, render(outcome)
            return outcome, await self._decoding.run(lambda: render(outcome), body_bytes=len(ticket.body))

        version = choose_version(slots, visit.request_id, wanted, samples=samples > 0)
        if wanted is not None or slots.champion is None or version is not slots.canary:
            return await answer_by(version)
        try:
            answered = await answer_by(version)
        except Exception as error:
            if not canary_failed(error, own_validation=choose_validator(slots, version) is version):
                raise
            reason = str(error) if isinstance(error, Problem) else f"raised {type(error).__name__}: {error}"
            counted = samples > 0 and not slots.champion.draws_z
            if counted:  # the champion will refuse, and that is no word on the image
                self.circuit_breaker.failed(state, reason)
            outcome, response = await answer_by(slots.champion)
            if not counted:
                self.circuit_breaker.failed(state, reason)
            return replace(outcome, failure=reason), response
        self.circuit_breaker.answered(state)
        return answered

    async def _score(
        self, request: Request, visit: Visit, ticket: Ticket, version: LoadedVersion, slots: Slots, samples: int
    ) -> Outcome:
        headers, validator = request.headers, choose_validator(slots, version)
        if samples and not version.draws_z:
            kind = version.artifact.model.variant
            raise Problem(409, f"version {version.version} is a {kind}, which has no draws of z; ask without samples")

        def admit() -> Admitted:
            kind, encoding = headers.get("content-type", ""), headers.get("content-encoding", "")
            uploads = parse_body(ticket.body, kind, encoding, validator.preprocessing, self._limits)
            require_decodable(uploads, validator.preprocessing, self.input_policy)
            return admit_uploads(uploads, validator, self.input_policy)

        admitted = await self._decoding.run(admit, body_bytes=len(ticket.body))
        self._admission.hold(ticket, admitted.size)
        count = len(admitted.uploads)
        if samples * count > self.config.max_sampled_images:
            raise Problem(413, f"{count} images x {samples} samples: {self.config.max_sampled_images} is the limit")
        seed = int.from_bytes(hashlib.sha256(visit.request_id.encode()).digest()[:7])
        answer = await self.lanes.score(version, slots, admitted.pixels, samples=samples, seed=seed)
        return Outcome(visit, version, admitted, answer)

    def _remember(self, request: Request, outcome: Outcome) -> None:
        # A request for a version by name is a trial, golden inputs say: no traffic that a judge should see.
        if "x-latentloop-version" not in request.headers:
            self.telemetry.offer(answered_rows(outcome, self.config.replica))
            source = sane_source(request.headers.get("x-latentloop-source"), self.config.capture_source)
            self.captures.offer(pending_captures(outcome, source))
            try:
                self._compare(outcome)
            except Exception:  # no room for a thread, say: the answer is there and goes out
                _LOG.exception("the answer of version %s is not compared", outcome.version.version)
        self.metrics.images.labels(outcome.version.version).inc(len(outcome.admitted.uploads))
        for error in outcome.answer.scores.recon_error:
            self.metrics.recon_error.labels(outcome.version.version).observe(float(error))

    def _compare(self, outcome: Outcome) -> None:
        """Have the other side scored where nobody waits for it; a canary that failed is a pair already."""
        pairing = outcome.pairing
        if pairing is None:
            return
        if outcome.failure is not None:
            champion = answered_sides(outcome)
            failed = [failed_side(outcome.failure)] * len(champion)
            replica = self.config.replica
            self.pairs.offer(pair_rows(outcome.visit, pairing, outcome.version, champion, failed, replica))
            self.metrics.pairs.labels(pairing.candidate.version, pairing.candidate.version, "failed").inc(len(failed))
            return
        now = choose_pairing(self.follower.state.slots)
        # a request of the release before would bring back the worker of a version that is on trial no more
        if now is not None and now.candidate.digest == pairing.candidate.digest:
            self.shadow.offer(shadow_job(outcome, pairing))

    def _remember_refused(self, visit: Visit, error: ImagesRefused) -> None:
        self.telemetry.offer(refused_rows(visit, self.config.replica, error.refused))
        for image in error.refused:
            self.metrics.refusals.labels(image.reason).inc()
