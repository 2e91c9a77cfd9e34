"""The HTTP face: routes, their documentation, and nothing else."""

# No `from __future__ import annotations`: FastAPI reads the annotations of the functions in `create_app`.
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import anyio.to_thread
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import FastAPI, Header, Query, Request, Response

from data_checks.policy import InputPolicy
from deploy.serving.config import ServingConfig
from deploy.serving.errors import Problem
from deploy.serving.http.answers import (
    EncodeAnswer,
    Liveness,
    ProblemAnswer,
    Readiness,
    ReconstructAnswer,
    RefusedAnswer,
    ScoreAnswer,
    encode_answer,
    reconstruct_answer,
    reconstruction_png,
    score_answer,
)
from deploy.serving.http.astray import answer_the_stray
from deploy.serving.http.payload import FILE_TYPES
from deploy.serving.http.refusals import json_response
from deploy.serving.http.visit import Outcome
from deploy.serving.metrics import CONTENT_TYPE_LATEST
from deploy.serving.outbox.sinks import Sink
from deploy.serving.service import Service
from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.pairs import PairRow
from deploy.stores.sql.telemetry import RequestRow

_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_FILES = {"type": "array", "items": {"type": "string", "format": "binary"}}
_ARRAY = {
    "description": "one image (H, W) or (C, H, W), or a list; integers 0 to 255 or floats on [0, 1]",
    "type": "array",
    "items": {},
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            **{kind: _FILE for kind in FILE_TYPES},
            "multipart/form-data": {"schema": {"type": "object", "properties": {"images": _FILES}}},
            "application/json": {
                "schema": {"type": "object", "properties": {"images": _ARRAY}, "required": ["images"]}
            },
            "application/x-npy": _FILE,
        },
    }
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": ProblemAnswer, "description": "The body or a parameter is not what it should be"},
    404: {"model": ProblemAnswer, "description": "X-Latentloop-Version names a version that is not loaded"},
    413: {"model": ProblemAnswer, "description": "Too many bytes or images"},
    415: {"model": ProblemAnswer, "description": "A Content-Type that is not read"},
    422: {
        "model": RefusedAnswer,
        "description": "Input validation refused at least one image; none is answered",
    },
    503: {
        "model": ProblemAnswer,
        "description": "No champion is loaded, too much is waiting, or the version takes too long; see Retry-After",
    },
}

RequestId = Annotated[str | None, Header(alias="X-Request-Id", description="kept when it is a short plain word")]
Version = Annotated[str | None, Header(alias="X-Latentloop-Version", description="a loaded version that shall answer")]
Source = Annotated[str | None, Header(alias="X-Latentloop-Source", description="where the images come from")]


def create_app(
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
) -> FastAPI:
    """Build the application of one replica. Its threads start and end with the application's lifespan.

    `cache_folder` belongs to this replica alone; `public_key` verifies the release file in `objects`; `settings_digest`
    is told at /readyz, and so is `changed_pixels`: what is wrong with this process's decoders, empty as a rule.
    """
    service = Service(
        config,
        objects=objects,
        telemetry=telemetry,
        pairs=pairs,
        public_key=public_key,
        input_policy=input_policy,
        cache_folder=cache_folder,
        settings_digest=settings_digest,
        changed_pixels=changed_pixels,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(service.stop)

    app = FastAPI(title="Latentloop serving", version="1", lifespan=lifespan)
    app.state.service = service

    answer_the_stray(app, service.refusals)

    @app.post(
        "/v1/reconstruct",
        response_model=ReconstructAnswer,
        responses={
            **PROBLEMS,
            200: {
                "content": {"image/png": {}},
                "description": "JSON; or, for one image and Accept: image/png, a PNG",
            },
            406: {"model": ProblemAnswer, "description": "A PNG was asked for that cannot hold the answer"},
            409: {
                "model": ProblemAnswer,
                "description": "Samples were asked of a model that has no draws of z",
            },
        },
        openapi_extra=BODY,
    )
    async def reconstruct(
        request: Request,
        samples: Annotated[
            int | None, Query(ge=2, le=config.max_samples, description="draws of z for the sd per pixel")
        ] = None,
        request_id: RequestId = None,
        version: Version = None,
        source: Source = None,
    ) -> Response:
        """Reconstruct each image, and measure how far that is from it."""
        as_png = "image/png" in request.headers.get("accept", "")

        def render(outcome: Outcome) -> Response:
            if not as_png:
                return json_response(reconstruct_answer(outcome))
            if len(outcome.admitted.uploads) > 1 or outcome.answer.sd is not None:
                raise Problem(406, "image/png holds the reconstruction of one image; accept application/json instead")
            return Response(reconstruction_png(outcome), media_type="image/png")

        return await service.answer(request, "/v1/reconstruct", render, samples=samples or 0)

    @app.post("/v1/encode", response_model=EncodeAnswer, responses=PROBLEMS, openapi_extra=BODY)
    async def encode(
        request: Request, request_id: RequestId = None, version: Version = None, source: Source = None
    ) -> Response:
        """Give the latent code of each image: mean and log-variance of q(z|x), or the grid of codes of a VQ-VAE."""
        return await service.answer(request, "/v1/encode", lambda outcome: json_response(encode_answer(outcome)))

    @app.post(
        "/v1/score",
        response_model=ScoreAnswer,
        responses={
            **PROBLEMS,
            409: {"model": ProblemAnswer, "description": "The version carries no reference"},
        },
        openapi_extra=BODY,
    )
    async def score(
        request: Request, request_id: RequestId = None, version: Version = None, source: Source = None
    ) -> Response:
        """How unusual each image is, as quantiles of the version's reference."""
        return await service.answer(request, "/v1/score", lambda outcome: json_response(score_answer(outcome)))

    @app.get("/healthz", response_model=Liveness)
    async def healthz() -> Response:
        """Answer as long as the process lives."""
        return json_response(Liveness(replica=config.replica))

    @app.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
    async def readyz() -> Response:
        """Whether a champion is loaded, what serves, what is compared with it, and what is wrong."""
        body = service.readiness()
        return json_response(body, 200 if body.ready else 503)

    @app.get("/metrics", responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Prometheus text."""
        return Response(service.metrics.page(), media_type=CONTENT_TYPE_LATEST)

    return app
