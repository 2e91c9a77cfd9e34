"""How images come in: what `[intake]` of the settings says."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Subfolders = Literal["source", "kind", "date", "none"]


class IntakeConfig(BaseModel):
    """What the place of an image says of it; a table beside the images (`labels.csv`) says it surer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subfolders: Subfolders = Field(
        "source",
        description="what the name of a sub-folder is: the source of its images, their kind (a label), the date when "
        "they were taken, or nothing; but for the first the source is the folder that is ingested; of folders in "
        "folders the first below it is the kind, the whole path the source",
    )
