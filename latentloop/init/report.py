"""What `latentloop init --json` prints."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue


class ProposedLine(BaseModel):
    """A setting that was written, and why."""

    model_config = ConfigDict(frozen=True)

    name: str
    value: JsonValue
    why: str


class InitReport(BaseModel):
    """The file that was written, what was seen, and the next commands. Without a folder nothing was seen."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = 1
    settings_file: str
    contact_sheet: str | None = None
    place: str | None = None
    images: int = 0
    opened: int = 0
    usable: int = 0
    coloured_share: float | None = None
    formats: dict[str, int] = {}
    modes: dict[str, int] = {}
    refused: dict[str, int] = {}
    ignored: dict[str, int] = {}
    exact_duplicates: int = 0
    near_duplicates: int = 0
    images_per_s: float | None = None
    expected_seconds: float | None = None
    settings: tuple[ProposedLine, ...] = ()
    next: tuple[str, ...] = ()
