"""Folders of files to pack, and the whole way from a folder to its segments without a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.configuration.intake import Subfolders
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from deploy.stores.objects.opening import open_objects
from latentloop.sources.folder import FolderSource
from latentloop.sources.found import Found, Source
from latentloop.sources.packed_files import PackedFiles
from latentloop.sources.packing import Packed, Packing
from latentloop.sources.survey import survey
from latentloop.timing.pace import Pace

PNG = b"\x89PNG\r\n\x1a\n"
"""A file that begins so is packed, whatever follows."""


def write(folder: Path, *names: str) -> Path:
    """Files that begin like a PNG, each with its own name as the rest."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(PNG + name.encode())
    return folder


@dataclass
class Home:
    """Where packing keeps what it makes; `said` are the lines for a person."""

    folder: Path
    most_bytes: int = 2**20
    said: list[str] = field(default_factory=list)

    @property
    def captures(self) -> CaptureStore:
        return CaptureStore(open_objects(str(self.folder / "objects")))

    def pack(
        self,
        place: Path | Source,
        *,
        subfolders: Subfolders = "source",
        labels: Path | None = None,
        is_complete: Callable[[Found], bool] = lambda found: True,
        **limits: int,
    ) -> Packed:
        source = FolderSource(place, self.folder) if isinstance(place, Path) else place
        found = survey(source, subfolders, labels, self.said.append)
        note = PackedFiles(self.folder, source.place, "objects")
        try:
            packing = Packing(source, found, self.captures, note, self.most_bytes, is_complete, **limits)
            return packing.run(Pace("packing", "files", self.said.append, found.files))
        finally:
            note.close()

    def images(self, packed: Packed) -> dict[str, CapturedImage]:
        """The packed images by their names."""
        return {each.name: each for key in packed.segments for each in self.captures.read(key)}
