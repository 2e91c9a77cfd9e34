"""The release as a value: what serves, at one epoch. A store keeps it, a signed file carries it, delivery plans it."""

from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator


class ServedVersion(BaseModel):
    """A version as a replica needs it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[str, Field(min_length=1)]
    digest: Annotated[str, Field(min_length=1, description="digest of the artifact's manifest")]
    artifact: Annotated[str, Field(min_length=1, description="prefix in the object store")]


class Release(BaseModel):
    """What serves, at one epoch. Epoch 0 is the empty release of a fresh installation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    epoch: Annotated[int, Field(ge=0)] = 0
    champion: ServedVersion | None = None
    canary: ServedVersion | None = None
    shadow: ServedVersion | None = None
    previous: ServedVersion | None = None
    canary_share: Annotated[float, Field(ge=0.0, le=1.0, description="share of requests, 0 to 1")] = 0.0
    changed_at: AwareDatetime | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        if self.canary_share > 0.0 and self.canary is None:
            raise ValueError(f"canary_share {self.canary_share}: expected 0 without a canary; set a canary")
        if self.champion is None and (self.canary or self.previous):
            raise ValueError("a canary or a previous version was given without a champion; set the champion")
        return self
