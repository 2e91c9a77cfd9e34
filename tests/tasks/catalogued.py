"""A small catalogue of PNGs whose files do not lie in the order of segment and row, for what decodes its images."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from deploy.stores.catalogue import Catalogue, CatalogueRow
from deploy.stores.local_objects import LocalObjects

CAPTURED = datetime(2026, 3, 1, tzinfo=UTC)


def catalogued(folder: Path, **segments: np.ndarray) -> Catalogue:
    """Each segment's images (N, C, H, W), appended in the order given."""
    catalogue = Catalogue(LocalObjects(folder))
    for segment, images in segments.items():
        rows = [_row(segment, row, png(image)) for row, image in enumerate(images)]
        catalogue.append_accepted(rows, [segment])
    return catalogue


def png(image: np.ndarray) -> bytes:
    """An image (C, H, W) encoded."""
    out = io.BytesIO()
    Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(out, format="PNG")
    return out.getvalue()


def _row(segment: str, row: int, image: bytes) -> CatalogueRow:
    return CatalogueRow(f"{segment}-{row}", "camera", segment, row, CAPTURED, "x", 8, 8, 1, 0.3, 0.1, 2.5, image)
