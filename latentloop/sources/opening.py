"""From what a person named to the source behind it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from latentloop.errors import NothingToDo
from latentloop.sources.folder import FolderSource
from latentloop.sources.found import Source

if TYPE_CHECKING:
    from deploy.settings import Settings


def open_source(settings: Settings, place: str | os.PathLike[str]) -> Source:
    """A folder or `s3://bucket/prefix`; NothingToDo in one line for anything else."""
    named = os.fspath(place)
    if named.startswith("s3://"):
        from latentloop.sources.bucket import BucketSource  # boto3 costs half a second

        return BucketSource(named, settings.s3)
    if "://" in named:
        raise NothingToDo(f"{named}: expected a folder or s3://bucket/prefix: copy the images to one of them")
    return FolderSource(Path(named).expanduser(), settings.home)
