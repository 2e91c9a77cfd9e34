"""The bodies of all answers, as OpenAPI shows them, and how they are made from a model's scores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from deploy.serving.errors import ImagesRefused, Problem
from deploy.serving.http.image_validation import Admitted
from deploy.serving.http.png import encode_png
from deploy.serving.http.visit import Outcome, Visit
from deploy.serving.trial.shadow_worker import ShadowStatus
from deploy.serving.versions.follower import ReplicaState, Trouble
from deploy.serving.versions.router import Pairing

# Six decimals of a value on [0, 1]: a thousandth of what 8 bits resolve, in half the bytes of a full float.
DECIMALS = 6
# Seconds at one batch of the shadow after which it is called stuck: a thousand times what a batch takes.
STUCK_S = 30.0
Planes = list[list[list[float]]]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Scored(BaseModel):
    """Scores of an image: those named below, and by their names whatever else the version's family has."""

    model_config = ConfigDict(frozen=True, extra="allow")


class _Answered(_Body):
    request_id: str
    version: str = Field(description="the version that answered")
    latency_ms: float = Field(description="milliseconds from the last byte of the body to the finished scores")


class Reconstruction(_Body):
    """One image as the model sees it."""

    name: str = Field(description="file name in a multipart body, else empty")
    recon_error: float = Field(description="mean squared error per pixel and channel on [0, 1]; lower is better")
    reconstruction: Planes = Field(description="(C, H, W) on [0, 1], the decoder's mean at z = mu")
    sd: Planes | None = Field(
        default=None, description="(C, H, W), per pixel over ?samples=K draws of z; null without samples"
    )


class ReconstructAnswer(_Answered):
    """Answer of /v1/reconstruct."""

    images: list[Reconstruction]


class Code(_Scored):
    """The latent code of one image. A VQ-VAE has no posterior, a VAE no grid of codes: what a version lacks is null."""

    name: str
    mu: list[float] = Field(description="mean of q(z|x), (D,); of a VQ-VAE a projection of its grid")
    logvar: list[float] | None = Field(
        default=None, description="log-variance of q(z|x), (D,), within [-10, 10]; null of a VQ-VAE"
    )
    kl: float | None = Field(default=None, description="nats, summed over the latents; null of a VQ-VAE")
    norm: float = Field(description="Euclidean norm of mu; of a VQ-VAE the mean norm of z_e over its grid")
    codes: list[list[int]] | None = Field(default=None, description="(h, w), indices of the codes; null of a VAE")
    code_distance: float | None = Field(
        default=None, description="mean Euclidean distance of z_e from its code; null of a VAE"
    )


class EncodeAnswer(_Answered):
    """Answer of /v1/encode."""

    images: list[Code]


class Quantiles(_Scored):
    """Shares of the reference whose value is at most this image's, 0 to 1; null for what the version lacks."""

    recon_error: float
    kl: float | None = Field(default=None, description="null of a VQ-VAE")
    norm: float
    code_distance: float | None = Field(default=None, description="null of a VAE")


class Score(_Scored):
    """How unusual one image is for the version that answers."""

    name: str
    score: float = Field(description="the largest of the quantiles, 0 to 1; higher is more unusual")
    quantiles: Quantiles
    recon_error: float
    kl: float | None = Field(default=None, description="null of a VQ-VAE")
    norm: float
    code_distance: float | None = Field(default=None, description="null of a VAE")


class ScoreAnswer(_Answered):
    """Answer of /v1/score."""

    images: list[Score]


class Refused(_Body):
    """One image that input validation did not let in."""

    index: int = Field(description="position in the request, from 0")
    name: str
    reason: str = Field(description="one of a closed list: low_variance, wrong_shape, truncated, ...")
    detail: str = Field(description="what was expected, what came, what to do")


class RefusedAnswer(_Body):
    """422: at least one image was refused, and no image of the request is answered."""

    request_id: str
    version: str
    reason: str = Field(description="of the first refused image")
    detail: str = Field(description="of the first refused image")
    refused: list[Refused]


class ProblemAnswer(_Body):
    """Any other answer that is no result."""

    request_id: str
    detail: str


class SlotStatus(_Body):
    """A version in memory."""

    version: str
    digest: str
    loaded_at: datetime


class TroubleStatus(_Body):
    """What keeps this replica from doing what the release says."""

    where: str = Field(description="a slot, release, store, cache, follower, telemetry, pairs or captures")
    message: str


class TrialStatus(_Body):
    """The version that is compared with the champion, and how that goes off the answer's path; counts are images."""

    version: str
    digest: str
    slot: str = Field(description="canary, shadow or previous")
    waiting: int = Field(description="images in the queue, those in work among them")
    scored: int
    failed: int
    dropped: int = Field(description="images that found the queue full")


class Readiness(_Body):
    """Answer of /readyz."""

    ready: bool = Field(description="a champion is loaded")
    replica: str
    settings_digest: str = Field(description="of the settings that this replica works with")
    release_epoch: int
    release_changed_at: datetime | None
    canary_share: float = Field(description="what this replica lives: 0 once it has stopped a failing canary")
    trial: TrialStatus | None = Field(description="null while there is nothing to compare the champion with")
    slots: dict[str, SlotStatus]
    errors: list[TroubleStatus]


class Liveness(_Body):
    """Answer of /healthz."""

    status: str = "alive"
    replica: str


def reconstruct_answer(outcome: Outcome) -> ReconstructAnswer:
    """Reconstructions and their errors."""
    scores, sd = outcome.answer.scores, outcome.answer.sd
    pictures = _rounded(scores.reconstruction)
    sds = _rounded(sd) if sd is not None else [None] * len(pictures)
    return ReconstructAnswer(
        request_id=outcome.visit.request_id,
        version=outcome.version.version,
        latency_ms=outcome.visit.latency_ms,
        images=[
            Reconstruction(
                name=name,
                recon_error=float(scores.recon_error[row]),
                reconstruction=pictures[row],
                sd=sds[row],
            )
            for row, name in _names(outcome.admitted)
        ],
    )


def encode_answer(outcome: Outcome) -> EncodeAnswer:
    """Latent codes."""
    scores = outcome.answer.scores
    return EncodeAnswer(
        request_id=outcome.visit.request_id,
        version=outcome.version.version,
        latency_ms=outcome.visit.latency_ms,
        images=[
            Code(
                name=name,
                mu=scores.mu[row].tolist(),
                norm=float(scores.norm[row]),
                **{column: values[row].tolist() for column, values in scores.own.items()},
            )
            for row, name in _names(outcome.admitted)
        ],
    )


def score_answer(outcome: Outcome) -> ScoreAnswer:
    """Quantiles in the version's reference. `Problem` 409 for a version that carries none."""
    reference, scores = outcome.version.reference, outcome.answer.scores
    if reference is None:
        raise Problem(
            409,
            f"version {outcome.version.version} carries no reference to score against; register it with one",
        )
    images, numbers = [], scores.numbers()
    for row, name in _names(outcome.admitted):
        values = {measure: float(numbers[measure][row]) for measure in reference.ranked}
        ranks = {measure: reference.quantile_rank(measure, value) for measure, value in values.items()}
        quantiles = Quantiles.model_validate(ranks)
        images.append(
            Score.model_validate({**values, "name": name, "score": max(ranks.values()), "quantiles": quantiles})
        )
    return ScoreAnswer(
        request_id=outcome.visit.request_id,
        version=outcome.version.version,
        latency_ms=outcome.visit.latency_ms,
        images=images,
    )


def reconstruction_png(outcome: Outcome) -> bytes:
    """Draw the reconstruction of one image as an 8-bit PNG, grey or RGB."""
    return encode_png(np.rint(outcome.answer.scores.reconstruction[0] * 255).astype(np.uint8))


def refused_answer(visit: Visit, error: ImagesRefused) -> RefusedAnswer:
    """Who was refused, and why."""
    refused = [Refused(index=i.index, name=i.name, reason=i.reason, detail=i.detail) for i in error.refused]
    return RefusedAnswer(
        request_id=visit.request_id,
        version=visit.version,
        reason=refused[0].reason,
        detail=refused[0].detail,
        refused=refused,
    )


def readiness(
    state: ReplicaState, replica: str, settings_digest: str, pairing: Pairing | None, shadow: ShadowStatus
) -> Readiness:
    """Say what serves here, by which settings, what is tried, and what is wrong."""
    stuck = Trouble(
        "trial", f"the shadow has been at one batch for {shadow.stuck_s:.0f} s; it is not compared meanwhile"
    )
    troubles = (*state.troubles, stuck) if shadow.stuck_s > STUCK_S else state.troubles
    return Readiness(
        ready=state.slots.champion is not None,
        replica=replica,
        settings_digest=settings_digest,
        release_epoch=state.epoch,
        release_changed_at=state.changed_at,
        canary_share=state.slots.canary_share,
        trial=None
        if pairing is None
        else TrialStatus(
            version=pairing.candidate.version,
            digest=pairing.candidate.digest,
            slot=pairing.slot,
            waiting=shadow.waiting,
            scored=shadow.scored,
            failed=shadow.failed,
            dropped=shadow.dropped,
        ),
        slots={
            name: SlotStatus(version=loaded.version, digest=loaded.digest, loaded_at=loaded.loaded_at)
            for name, loaded in state.slots.named()
        },
        errors=[TroubleStatus(where=trouble.where, message=trouble.message) for trouble in troubles],
    )


def _names(admitted: Admitted) -> Iterator[tuple[int, str]]:
    return ((row, upload.name) for row, upload in enumerate(admitted.uploads))


def _rounded(pictures: np.ndarray) -> list[Planes]:
    planes: list[Planes] = np.round(pictures.astype(np.float64), DECIMALS).tolist()
    return planes
