"""The folder that a version is: model, preprocessing, prior, reference and golden answers, under one digest.

    model.json             config, preprocessing, likelihood, sampling prior's kind, training summary
    weights.safetensors    prior.safetensors    reference.safetensors    golden.safetensors
    manifest.json          sha256 and size of each; its own sha256 is the version's digest

Safetensors and JSON only: nothing is ever unpickled, and nothing is parsed before every sha256 was checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.torch import load, save

from vae_core.artifact_files import DOCUMENT, GOLDEN, PRIOR, REFERENCE, WEIGHTS, read_manifest, require_names
from vae_core.config import TrainConfig
from vae_core.documents import SHA256, parse_document, to_canonical_json
from vae_core.errors import ArtifactError, SealError
from vae_core.families.build import restore_model
from vae_core.families.configs import ModelConfig
from vae_core.families.conv_vae.config import LikelihoodName
from vae_core.families.registry import family_of
from vae_core.families.served import require_served
from vae_core.families.variants import ServedModel
from vae_core.golden import Golden, check_golden, make_golden
from vae_core.images.preprocessing import Preprocessing
from vae_core.priors.prior_kind import PriorKind
from vae_core.priors.sampling import SamplingPrior, parse_prior
from vae_core.reference import Reference
from vae_core.sealed_folder import Manifest, ManifestEntry, open_sealed, seal_folder
from vae_core.training.health.events import StopReason
from vae_core.weights import copy_weights

__all__ = [
    "Artifact",
    "Golden",
    "Manifest",
    "ManifestEntry",
    "TrainingSummary",
    "check_golden",
    "make_golden",
    "read_artifact",
    "read_manifest",
    "write_artifact",
]


class TrainingSummary(BaseModel):
    """How the weights came about. Seconds are those of the training's clock.

    `train_config` is that of the attempt that gave the weights, with the budget of the whole training.

    From `tier` on the fields are None in versions of releases that did not know them, and where they say nothing:
    parent_digest and encoder_digest without a warm start, best_step where the weights are just the last ones, the
    held-out loss (before training and at best_step, whose weights these are) where no images were held out, or where
    nobody looked at them in the step of the snapshot that a suspected training fell back to. The loss of a VAE is its
    -ELBO, nats per image, that of a VQ-VAE the squared error, summed over pixels and channels of an image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    steps: int = Field(ge=0)
    epochs: float = Field(ge=0, allow_inf_nan=False)
    seconds: float = Field(ge=0, allow_inf_nan=False)
    train_config: TrainConfig
    dataset_version: str = Field(max_length=200)
    tier: Literal["full", "incremental", "emergency"] | None = None
    parent_digest: str | None = Field(None, pattern=SHA256, description="of the version that the training began at")
    encoder_digest: str | None = Field(
        None, pattern=SHA256, description="equal ones give equal codes of a VAE, equal vectors z_e of a VQ-VAE"
    )
    stop_reason: StopReason | None = None
    best_step: int | None = Field(None, ge=0)
    held_out_neg_elbo_before: float | None = Field(None, allow_inf_nan=False)
    held_out_neg_elbo: float | None = Field(None, allow_inf_nan=False)
    held_out_squared_error_before: float | None = Field(None, allow_inf_nan=False)
    held_out_squared_error: float | None = Field(None, allow_inf_nan=False)
    codes_kept: float | None = Field(
        None, ge=0, le=1, description="share of the tokens whose code is the one that they had before a warm start"
    )


class ArtifactDocument(BaseModel):
    """What `model.json` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    model: ModelConfig
    preprocessing: Preprocessing
    likelihood: LikelihoodName | None = "bernoulli"
    prior: PriorKind | None
    summary: TrainingSummary


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """A version in memory; the model is in eval mode on the CPU. `digest`: of the folder it was read from."""

    model: ServedModel
    model_config: ModelConfig
    preprocessing: Preprocessing
    prior: SamplingPrior | None
    reference: Reference | None
    golden: Golden | None
    summary: TrainingSummary
    digest: str = ""


def write_artifact(folder: Path, artifact: Artifact) -> str:
    """Write a version's folder, whole or not at all, and return its digest; equal versions have equal bytes.

    Writing the same version again changes nothing. ArtifactError when the version could not be read back, the
    folder holds something else, or the disk refuses.
    """
    require_served(artifact.model)
    document = ArtifactDocument(
        model=artifact.model_config,
        preprocessing=artifact.preprocessing,
        likelihood=family_of(artifact.model_config).likelihood_of(artifact.model_config),
        prior=None if artifact.prior is None else artifact.prior.kind,
        summary=artifact.summary,
    )
    files = {DOCUMENT: to_canonical_json(document), WEIGHTS: save(copy_weights(artifact.model))}
    for name, part in ((PRIOR, artifact.prior), (REFERENCE, artifact.reference), (GOLDEN, artifact.golden)):
        if part is not None:
            files[name] = save(part.to_tensors())
    _parse(files)
    try:
        return seal_folder(folder, files)
    except SealError as error:
        raise ArtifactError(f"artifact {error}") from error


def read_artifact(folder: Path, *, expected_digest: str | None) -> Artifact:
    """Read a version after every sha256 was checked; ArtifactError, one line, for whatever is wrong with it.

    `expected_digest` is what the release or the registry says; None trusts the folder's own manifest.
    """
    try:
        sealed = open_sealed(folder, expected_digest)
    except SealError as error:
        raise ArtifactError(f"artifact {error}") from error
    try:
        require_names(sealed.files)
        return replace(_parse(sealed.files), digest=sealed.digest)
    except ArtifactError as error:
        raise ArtifactError(f"artifact {folder}: {error}") from error


def read_document(content: bytes) -> ArtifactDocument:
    """Read a version's `model.json`; ArtifactError for any other content."""
    try:
        return parse_document(ArtifactDocument, content)
    except ValueError as error:
        raise ArtifactError(f"{DOCUMENT}: {error}; this release reads schema_version 1") from error


def _parse(files: Mapping[str, bytes]) -> Artifact:
    """Make a version of verified files, and check that its parts belong together."""
    document = read_document(files[DOCUMENT])
    try:
        model = restore_model(document.model, _tensors(files, WEIGHTS)).eval()
    except ValueError as error:
        raise ArtifactError(f"{WEIGHTS}: {error}; train or register the version again") from error
    artifact = Artifact(
        model=model,
        model_config=document.model,
        preprocessing=document.preprocessing,
        prior=parse_prior(document.prior, _tensors(files, PRIOR)) if PRIOR in files else None,
        reference=Reference.from_tensors(_tensors(files, REFERENCE)) if REFERENCE in files else None,
        golden=Golden.from_tensors(_tensors(files, GOLDEN)) if GOLDEN in files else None,
        summary=document.summary,
    )
    _require_agreement(artifact, document)
    return artifact


def _tensors(files: Mapping[str, bytes], name: str) -> dict[str, torch.Tensor]:
    try:
        return load(files[name])
    except SafetensorError as error:
        raise ArtifactError(f"{name}: no safetensors file ({error}); register the version again") from error


def _require_agreement(artifact: Artifact, document: ArtifactDocument) -> None:
    """All parts speak of images and codes of one shape, and of one likelihood."""
    model, family = artifact.model_config, family_of(artifact.model)
    if document.likelihood != (likelihood := family.likelihood_of(model)):
        raise ArtifactError(
            f"{DOCUMENT}: likelihood {document.likelihood}, the model's is {likelihood}; register the version again"
        )
    if (document.prior is None) != (artifact.prior is None):
        raise ArtifactError(
            f"{DOCUMENT} says prior {document.prior}, {PRIOR} says otherwise; register the version again"
        )
    if artifact.prior is not None:
        family.require_prior(artifact.prior, model)
    if not family.is_begun(artifact.model):
        raise ArtifactError(f"{WEIGHTS}: the codebook never began; train the model")
    _require_codes(artifact)
    shapes = {
        "preprocessing": artifact.preprocessing.shape,
        "golden": artifact.golden and artifact.golden.pixels.shape[1:],
    }
    for part, shape in shapes.items():
        if shape is not None and shape != model.shape:
            raise ArtifactError(f"{part}: images are {shape}, the model's {model.shape} (C, H, W); make them equal")


def _require_codes(artifact: Artifact) -> None:
    """Reference and golden answers hold codes of the model's kind and size."""
    reference, golden, latent_dim = artifact.reference, artifact.golden, artifact.model.latent_dim
    widths = {"reference": reference and reference.mu.shape[1], "golden": golden and golden.mu.shape[1]}
    for part, width in widths.items():
        if width is not None and width != latent_dim:
            raise ArtifactError(f"{part}: codes have {width} dimensions, the model's {latent_dim}; measure it again")
    config = artifact.model_config
    if reference is not None and (problem := family_of(config).find_problem(reference, config)):
        raise ArtifactError(f"reference: {problem}; measure it again")
