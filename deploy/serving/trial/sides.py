"""The two sides of an answered image, champion's and candidate's, and how they become a pair row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.serving.http.payload import Upload
from deploy.serving.http.visit import Outcome, Visit
from deploy.serving.versions.router import LoadedVersion, Pairing
from deploy.stores.sql.pairs import PairRow
from vae_core.families.scores import Scores

FAILURE_LENGTH = 200
NOT_FINITE = "answered with numbers that are not finite"


@dataclass(frozen=True, slots=True)
class Side:
    """What one version makes of one image: error and milliseconds, or why there are none."""

    recon_error: float | None
    image_ms: float | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class ShadowJob:
    """An answered request whose other side is still to be scored, by `missing`; no more of it than that takes.

    `pixels` uint8 (B, C, H, W) are what the version that answered saw; `uploads` are empty unless `missing` has
    another preprocessing and must see the images as they came.
    """

    visit: Visit
    pairing: Pairing
    answered_by: LoadedVersion
    missing: LoadedVersion
    answered: tuple[Side, ...]
    pixels: np.ndarray
    uploads: tuple[Upload, ...]

    @property
    def images(self) -> int:
        """How many images it has."""
        return len(self.answered)

    @property
    def size(self) -> int:
        """Bytes that it holds in memory."""
        contents = (upload.content for upload in self.uploads)
        return self.pixels.nbytes + sum(len(each) if isinstance(each, bytes) else each.nbytes for each in contents)


def shadow_job(outcome: Outcome, pairing: Pairing) -> ShadowJob:
    """Say whose side is missing: that of the one which did not answer."""
    answered_by, admitted = outcome.version, outcome.admitted
    missing = pairing.candidate if answered_by.digest == pairing.champion.digest else pairing.champion
    same_pixels = missing.preprocessing.digest == answered_by.preprocessing.digest
    return ShadowJob(
        visit=outcome.visit,
        pairing=pairing,
        answered_by=answered_by,
        missing=missing,
        answered=answered_sides(outcome),
        pixels=admitted.pixels,
        uploads=() if same_pixels else admitted.uploads,
    )


def measured_sides(scores: Scores, image_ms: float) -> tuple[Side, ...]:
    """Take the numbers of each image, unless one of them is none."""
    finite = np.isfinite(np.stack(list(scores.numbers().values()))).all(axis=0)
    return tuple(
        Side(error, image_ms) if usable else failed_side(NOT_FINITE)
        for error, usable in zip(scores.recon_error.tolist(), finite.tolist(), strict=True)
    )


def failed_side(reason: str) -> Side:
    """Make the side of a version that brought nothing forth."""
    return Side(None, None, " ".join(reason.split())[:FAILURE_LENGTH])


def answered_sides(outcome: Outcome) -> tuple[Side, ...]:
    """Take the sides of the version that answered, from its answer."""
    return measured_sides(outcome.answer.scores, outcome.answer.image_ms)


def pair_rows(
    visit: Visit,
    pairing: Pairing,
    answered_by: LoadedVersion,
    champion: Sequence[Side],
    candidate: Sequence[Side],
    replica: str,
) -> list[PairRow]:
    """One row an image. A champion that failed leaves its numbers empty, which is no failure of the candidate."""
    return [
        PairRow(
            at=visit.arrived_at,
            request_id=visit.request_id,
            replica=replica,
            champion=pairing.champion.version,
            candidate=pairing.candidate.version,
            answered_by=answered_by.version,
            champion_error=ours.recon_error,
            candidate_error=theirs.recon_error,
            candidate_ms=theirs.image_ms,
            failure=theirs.failure,
        )
        for ours, theirs in zip(champion, candidate, strict=True)
    ]
