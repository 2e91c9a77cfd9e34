"""What passes between the steps of a flow: small frozen values; images and weights travel as key plus digest."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vae_core.config import ConvVaeConfig, TrainConfig
from vae_core.preprocessing import Preprocessing


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1


class Claimed(_Value):
    """A trigger and what its claim said: `duplicate` work is not done again, `resumed` work continues."""

    key: str
    owner: str
    outcome: Literal["new", "resumed", "duplicate"]
    attempt: int

    @property
    def duplicate(self) -> bool:
        """Somebody else does this work, or did it."""
        return self.outcome == "duplicate"


class BenchmarkSet(_Value):
    """A frozen hold-out: where its images lie, their digest, and the sources that training must not touch."""

    name: Literal["old", "new"]
    prefix: str
    digest: str
    n: Annotated[int, Field(ge=1)]
    sources: tuple[str, ...]


class RetrainPlan(_Value):
    """Everything that a training needs to know, decided before it begins."""

    key: str
    tier: Literal["full"]
    reason: str
    catalogue_version: int
    n_training: int
    sources: tuple[str, ...]
    benchmark: BenchmarkSet
    model: ConvVaeConfig
    train: TrainConfig
    preprocessing: Preprocessing
    planned_at: AwareDatetime


class Trained(_Value):
    """Weights and sampling prior of a finished training, in the object store under `prefix`."""

    key: str
    prefix: str
    digest: str
    steps: int
    epochs: float
    seconds: float
    resumed_from_step: int | None


class Evaluated(_Value):
    """The complete artifact and where its benchmark and pictures lie."""

    key: str
    digest: str
    artifact: str
    benchmark: str
    pictures: str


class Registered(_Value):
    """The version that a person can approve."""

    version: str
    url: str
    digest: str
    benchmark: Literal["passed", "failed"]
    reason: str


class IngestCounts(_Value):
    """What one ingest did. `accepted + quarantined = received`, always."""

    segments: int = 0
    received: int = 0
    accepted: int = 0
    quarantined: int = 0
    reasons: dict[str, int] = Field(default_factory=dict)
    held: str = ""
    catalogue_version: int = 0
