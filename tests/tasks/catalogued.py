"""A small catalogue whose files do not lie in the order of segment and row, for what reads its images."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from deploy.stores.catalogue import Catalogue
from deploy.stores.catalogue_rows import CatalogueRow
from deploy.stores.objects.local import LocalObjects

CAPTURED = datetime(2026, 3, 1, tzinfo=UTC)


def catalogued(folder: Path, **segments: np.ndarray) -> Catalogue:
    """Each segment's images (N, C, H, W), appended in the order given."""
    catalogue = Catalogue(LocalObjects(folder), "8x8")
    for segment, images in segments.items():
        rows = [_row(segment, row, image) for row, image in enumerate(images)]
        catalogue.append_accepted(rows, [segment])
    return catalogue


def _row(segment: str, row: int, image: np.ndarray) -> CatalogueRow:
    digest, pixels = f"{segment}-{row}", image.tobytes()
    return CatalogueRow(digest, "camera", segment, row, CAPTURED, "x", 8, 8, len(image), 0.3, 0.1, 2.5, pixels)
