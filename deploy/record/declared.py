"""Ledger lines of settings: what an installation works with since it was started with them."""

from __future__ import annotations

from operator import attrgetter

from pydantic import BaseModel, ConfigDict, JsonValue

from deploy.record.kind import Kind


class DeclaredSettings(BaseModel):
    """The values that decide, and the file that said them, as whoever declared them read it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: dict[str, JsonValue]
    file: str
    reason: str


SETTINGS = Kind("settings", DeclaredSettings, say=attrgetter("reason"))
"""About their digest."""
