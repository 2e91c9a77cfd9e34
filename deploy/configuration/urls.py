"""The forms that addresses in the settings may have, so that a typing error is told before anything is started.

Nothing is opened, and no vendor is loaded: every command reads the settings.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

DATABASE = "sqlite:////absolute/path.db or postgresql://user:password@host/name"
OBJECTS = "s3://bucket/prefix, file:///folder or the path of a folder"
WEB = "http://host:port or https://host"
_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d{0,5})?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def require_database(url: str | None) -> str | None:
    """The URL as it came; `ValueError` for what is none of a database that is known here. Empty is as not set."""
    if not url:
        return url
    scheme, mark, rest = url.partition("://")
    backend = scheme.partition("+")[0]
    # after the third slash comes the file: what follows the second would be a host
    sqlite = backend == "sqlite" and rest.startswith("/") and rest not in ("/", "/:memory:")
    host = re.split(r"[/?]", rest.rpartition("@")[2])[0]  # up to the last @: a password may hold one, and a slash
    postgresql = backend == "postgresql" and rest and _HOST.fullmatch(host)
    if not (mark and (sqlite or postgresql)):
        raise ValueError(f"expected {DATABASE}")
    return url


def require_objects(url: str | None) -> str | None:
    """The URL as it came; `ValueError` for what is neither a bucket nor a folder. Empty is as not set."""
    if not url:
        return url
    scheme, mark, rest = url.partition("://")
    place, _, path = rest.partition("/")
    if mark:
        known = bool(place) if scheme == "s3" else scheme == "file" and place in ("", "localhost") and bool(path)
    else:
        known = not has_scheme(url)
    if not known:
        raise ValueError(f"expected {OBJECTS}")
    return url


def has_scheme(url: str) -> bool:
    """Does it begin as a URL, and not as the path of a folder?"""
    return _SCHEME.match(url) is not None


def require_web(url: str | None) -> str | None:
    """The URL as it came; `ValueError` for what is no address that a client could ask."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        asked = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        asked = False
    if not asked or any(each.isspace() for each in url):
        raise ValueError(f"expected {WEB}")
    return url
