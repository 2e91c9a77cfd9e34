"""Times for a person. They are stored in UTC; settings name the zone that they are shown in."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from deploy.configuration.near import ask, find_near


def show_time(at: datetime, zone: str | None, *, seconds: bool = True) -> str:
    """The moment and the zone's short name, as in "2026-03-01 14:02:03 CET". None: the zone of this machine.

    ValueError for a moment without a zone: nobody knows which it is.
    """
    shown = in_zone(at, zone)
    return f"{shown:{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}} {shown.tzname()}"


def in_zone(at: datetime, zone: str | None) -> datetime:
    """The same moment in this zone; None: that of this machine. ValueError for a moment without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"expected a moment with a time zone, came {at.isoformat()}")
    return at.astimezone(ZoneInfo(zone) if zone is not None else None)


def require_zone(name: str | None) -> str | None:
    """The name of a zone that is known here; ValueError, with names that are like it, for any other."""
    if name is None:
        return None
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = ask(find_near(name, available_timezones()))
        raise ValueError(f'expected the name of a time zone such as "UTC" or "Europe/Berlin"{near}') from error
    return name
