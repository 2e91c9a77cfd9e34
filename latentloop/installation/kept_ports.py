"""The ports that an installation had when it ran last, kept in its home: clients and bookmarks find it there again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = Path("run") / "ports.json"


class KeptPorts(BaseModel):
    """By the name of the URL, such as `service_url`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    ports: dict[str, Annotated[int, Field(ge=1, le=65_535)]] = {}


def read_ports(home: Path) -> Mapping[str, int]:
    """What is known; a file that is damaged, or of another release, knows nothing."""
    try:
        return KeptPorts.model_validate_json((home / FILE).read_bytes()).ports
    except (OSError, ValidationError):
        return {}


def keep_ports(home: Path, ports: Mapping[str, int]) -> None:
    """Keep them for the next start, beside those of servers that are not ours now; a full disk ends no start."""
    kept, path = KeptPorts(ports={**read_ports(home), **ports}), home / FILE
    beside = path.with_suffix(".tmp")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(kept.model_dump_json())
        beside.replace(path)
