"""From a decoded picture to the numbers that a model sees: the same at ingest, in training and in serving."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from vae_core.documents import digest_document
from vae_core.errors import DataError

if TYPE_CHECKING:
    import torch
    from PIL import Image


class Preprocessing(BaseModel):
    """What an image must be, or is made, before a model sees it; part of every version and of its digest.

    Pixels stay uint8 (C, H, W), RGB where there are three channels; a model sees them divided by 255, never
    standardised.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(1, description="form of this table; there is one so far")
    channels: Literal[1, 3] = Field(1, description="1 is grey (Pillow's mode L), 3 is RGB")
    height: int = Field(28, ge=4, le=1024, description="of an image, pixels")
    width: int = Field(28, ge=4, le=1024, description="of an image, pixels")
    resize: Literal["refuse", "antialias"] = Field(
        "refuse",
        description="refuse other sizes, or resize them with Pillow's bicubic filter, whose support grows "
        "with the scale (Parmar et al. 2022: the filter alone moves a Fréchet distance by 1 to 6); "
        "proportions are not kept",
    )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (self.channels, self.height, self.width)

    @property
    def digest(self) -> str:
        """The sha256 of the canonical JSON: equal exactly when two preprocessings are."""
        return digest_document(self)


def to_pixels(image: Image.Image, preprocessing: Preprocessing) -> np.ndarray:
    """Make uint8 pixels (C, H, W) of a decoded picture; DataError for another mode or a size not taken.

    Modes are never converted: an alpha channel, a palette or 16 bits need a decision that the sender must
    make.
    """
    mode = "L" if preprocessing.channels == 1 else "RGB"
    if image.mode != mode:
        raise DataError(
            f"preprocessing: expected a picture of mode {mode}, came {image.mode}; convert it to {mode} first"
        )
    size = (preprocessing.width, preprocessing.height)
    if image.size != size:
        if preprocessing.resize == "refuse":
            raise DataError(
                f"preprocessing: expected {size[0]}x{size[1]} pixels, came {image.size[0]}x{image.size[1]}; "
                "resize it first, or set resize to 'antialias'"
            )
        from PIL import Image as pillow

        image = image.resize(size, pillow.Resampling.BICUBIC)
    pixels = np.asarray(image)
    return pixels[np.newaxis] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def pixel_digest(pixels: np.ndarray) -> str:
    """Name an image, uint8 (C, H, W), or a stack of them, by the sha256, in hex, over shape and bytes."""
    if pixels.dtype != np.uint8:
        raise DataError(f"pixel_digest: expected uint8 pixels, came {pixels.dtype}; digest what preprocessing made")
    digest = hashlib.sha256("x".join(str(size) for size in pixels.shape).encode() + b":")
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def to_unit(pixels: np.ndarray) -> torch.Tensor:
    """Scale uint8 pixels, usually (B, C, H, W), to float32 on [0, 1]; DataError for another dtype."""
    import torch

    if pixels.dtype != np.uint8:
        raise DataError(f"to_unit: expected uint8 pixels on 0..255, came {pixels.dtype}; other scales are not guessed")
    return torch.from_numpy(np.divide(pixels, np.float32(255), dtype=np.float32))
