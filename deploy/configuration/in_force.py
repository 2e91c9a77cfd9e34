"""Which settings an installation works with: the newest line `settings` of its ledger.

`latentloop up` and the controller write it when they start; a flow run and a command compare themselves with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import JsonValue

from deploy.configuration.digest import SHORT, deciding_values, digest_values, say_differences
from deploy.record.declared import SETTINGS, DeclaredSettings
from deploy.settings import SettingsError

if TYPE_CHECKING:
    from deploy.settings import Settings
    from deploy.stores.sql.ledger import Ledger

PUT_IN_FORCE = "put these settings in force with `latentloop down`, then `latentloop up`"


class SettingsDiffer(SettingsError):
    """A process was told otherwise than its installation; the message names the keys and the way out."""


@dataclass(frozen=True, slots=True)
class SettingsInForce:
    """What the installation works with; `file` is as its supervisor or controller read it."""

    digest: str
    values: dict[str, JsonValue]
    file: str
    since: datetime


def read_settings_in_force(ledger: Ledger) -> SettingsInForce | None:
    """The newest that were declared; None before the first start."""
    found = SETTINGS.newest(ledger)
    if found is None:
        return None
    return SettingsInForce(found.subject, found.body.values, found.body.file, found.at)


def declare_settings(ledger: Ledger, settings: Settings, now: datetime) -> str:
    """Put these in force; returns what changed against those of before, empty where nothing did."""
    values = deciding_values(settings)
    before = read_settings_in_force(ledger)
    if before is not None and before.digest == digest_values(values):
        return ""
    said = DeclaredSettings(values=values, file=settings.file_name, reason=f"settings of {settings.file_name}")
    SETTINGS.write(ledger, digest_values(values), said, now)
    return say_differences(values, before.values, "before") if before is not None else ""


def find_disagreement(ledger: Ledger, settings: Settings, way_out: str) -> str:
    """One line where the installation works with other settings than these: the keys, both values; else empty."""
    values = deciding_values(settings)
    digest, there = digest_values(values), read_settings_in_force(ledger)
    if there is None or there.digest == digest:
        return ""
    differences = say_differences(values, there.values)
    if there.file == settings.file_name:
        return (
            f"the settings (now {digest[:SHORT]}) are not those that the installation was started with "
            f"({there.digest[:SHORT]}, {there.file}): {differences}; {PUT_IN_FORCE}, or take the change back"
        )
    return (
        f"the settings here ({settings.file_name}, digest {digest[:SHORT]}) are not those that the installation runs "
        f"with ({there.file}, digest {there.digest[:SHORT]}): {differences}; {way_out}, or {PUT_IN_FORCE}"
    )


def require_agreement(ledger: Ledger, settings: Settings, way_out: str) -> None:
    """`SettingsDiffer` where the installation works with other settings than these."""
    if disagreement := find_disagreement(ledger, settings, way_out):
        raise SettingsDiffer(disagreement)
