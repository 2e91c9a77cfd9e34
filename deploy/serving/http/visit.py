"""One request from its headers to its answer: who asks, since when, for what."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deploy.serving.config import TOKEN_PATTERN
from deploy.serving.errors import Problem
from deploy.serving.http.image_validation import Admitted
from deploy.serving.versions.batcher import Answer
from deploy.serving.versions.router import LoadedVersion, Pairing

_TOKEN = re.compile(TOKEN_PATTERN)


@dataclass(slots=True)
class Visit:
    """What is known of a request so far; `version` is empty until one is chosen."""

    route: str
    request_id: str
    version: str = ""
    arrived_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _read_at_s: float = field(default_factory=time.perf_counter)

    def body_is_read(self) -> None:
        """Latency counts from here: a slow client is not our slowness."""
        self._read_at_s = time.perf_counter()

    @property
    def latency_ms(self) -> float:
        """Milliseconds since the last byte of the body was read."""
        return (time.perf_counter() - self._read_at_s) * 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answered request: who asked, which version answered, what went in and what came out.

    `pairing` is who is compared on it, None for a request for a version by name; `failure` says why the canary
    did not answer it, where the champion had to.
    """

    visit: Visit
    version: LoadedVersion
    admitted: Admitted
    answer: Answer
    pairing: Pairing | None = None
    failure: str | None = None


def sane_request_id(given: str | None) -> str:
    """Keep the client's id when it is a short plain word that logs and databases can hold, else make one."""
    return given if given is not None and _TOKEN.fullmatch(given) else uuid.uuid4().hex


def sane_source(given: str | None, default: str) -> str:
    """Where the images come from; splits keep a source on one side. `Problem` 400 for an odd name."""
    if given is None:
        return default
    if not _TOKEN.fullmatch(given):
        raise Problem(400, f"X-Latentloop-Source {given[:100]!r}: expected up to 100 letters, digits and ._:-")
    return given
