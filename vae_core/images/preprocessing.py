"""From a decoded picture to the numbers that a model sees: the same at ingest, in training and in serving."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from vae_core.documents import digest_document
from vae_core.errors import DataError
from vae_core.images.fit import Fit, fit_picture

if TYPE_CHECKING:
    import torch
    from PIL import Image

_COLOUR = "^#[0-9a-fA-F]{6}$"
_FIT_OF_RESIZE: Mapping[object, Fit] = {"refuse": "refuse", "antialias": "stretch"}
_RESIZE_OF_FIT = {fit: resize for resize, fit in _FIT_OF_RESIZE.items()}


class Preprocessing(BaseModel):
    """What an image must be, or is made, before a model sees it; part of every version and of its digest.

    Pixels stay uint8 (C, H, W), sRGB where there are three channels; a model sees them divided by 255, never
    standardised. Schema 2 converts what comes in another form; schema 1, of the first release, says `resize` in the
    place of `fit` (antialias is stretch), converts nothing and knows no other word: such a document keeps its JSON,
    its digest and its meaning.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1, 2] = Field(
        2, description="form of this table; 1 is the first release's: nothing converted"
    )
    channels: Literal[1, 3] = Field(1, description="1 is grey (Rec. 601 luma), 3 is sRGB")
    height: int = Field(28, ge=4, le=1024, description="of an image, pixels")
    width: int = Field(28, ge=4, le=1024, description="of an image, pixels")
    fit: Fit = Field(
        "refuse",
        description="what is done with another size: `refuse` it; `pad` to the whole picture, centred on `padding`; "
        "`crop` to its centre; `stretch`, proportions not kept; by Pillow's bicubic filter, whose support grows with "
        "the scale (Parmar et al. 2022: the filter alone moves a Fréchet distance by 1 to 6)",
    )
    padding: str = Field("#ffffff", pattern=_COLOUR, description="colour around a padded picture, #rrggbb")
    background: str = Field("#ffffff", pattern=_COLOUR, description="colour under transparency, #rrggbb")
    sixteen_bit: Literal["linear", "range"] = Field(
        "linear",
        description="how 16 bits become 8: `linear` divides by 257; `range` goes from the file's own least value to "
        "its greatest, for sensors that use a part of the scale",
    )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (self.channels, self.height, self.width)

    @property
    def mode(self) -> Literal["L", "RGB"]:
        """Pillow's word for the channels."""
        return "L" if self.channels == 1 else "RGB"

    @property
    def any_size(self) -> bool:
        """Whether pictures of other sizes are taken."""
        return self.fit != "refuse"

    @property
    def converts(self) -> bool:
        """Whether another orientation, colour space, depth or transparency is converted."""
        return self.schema_version > 1

    @property
    def digest(self) -> str:
        """The sha256 of the canonical JSON: equal exactly when two preprocessings are."""
        return digest_document(self)

    def same_images(self, other: Preprocessing) -> bool:
        """Whether a plain picture that both accept becomes the same pixels, so that what one froze the other can use.

        Schema 1 says nothing of padding, background and depth, for it refuses what they are about.
        """
        if (self.shape, self.fit) != (other.shape, other.fit):
            return False
        if not (self.converts and other.converts):
            return True
        padded = self.fit != "pad" or self.padding.lower() == other.padding.lower()
        return padded and (self.background.lower(), self.sixteen_bit) == (other.background.lower(), other.sixteen_bit)

    @property
    def same_images_digests(self) -> frozenset[str]:
        """Digests of this preprocessing and of its like in the other schema: what one froze the other can use."""
        if self.fit not in _RESIZE_OF_FIT:
            return frozenset({self.digest})
        size = {"channels": self.channels, "height": self.height, "width": self.width}
        first = {"schema_version": 1, **size, "resize": _RESIZE_OF_FIT[self.fit]}
        likes = (first, {**size, "fit": self.fit})
        found = [Preprocessing.model_validate(like) for like in likes]
        return frozenset({self.digest, *(like.digest for like in found if like.same_images(self))})

    @model_validator(mode="before")
    @classmethod
    def _read_schema_1(cls, given: Any) -> Any:
        """The words of schema 1 in today's; ValueError for a mixture of both."""
        if not isinstance(given, Mapping):
            return given
        words = dict(given)
        if str(words.get("schema_version", 2)) != "1":
            if "resize" in words:
                fit = _FIT_OF_RESIZE.get(words["resize"], "refuse")
                raise ValueError(f'resize is called fit now: write fit = "{fit}" in its place')
            return words
        more = words.keys() & {"fit", "padding", "background", "sixteen_bit"}
        if more:
            raise ValueError(
                f"schema_version 1 knows resize only, came {', '.join(sorted(more))}; leave the version out"
            )
        resize = words.pop("resize", "refuse")
        if resize not in _FIT_OF_RESIZE:
            raise ValueError(f'resize: expected "refuse" or "antialias", came {resize!r}')
        return {**words, "schema_version": 1, "fit": _FIT_OF_RESIZE[resize]}

    @model_serializer(mode="wrap")
    def _write_schema(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        if self.schema_version == 2:
            words: dict[str, Any] = write(self)
            return words
        size = {"channels": self.channels, "height": self.height, "width": self.width}
        return {"schema_version": 1, **size, "resize": _RESIZE_OF_FIT[self.fit]}


def to_pixels(image: Image.Image, preprocessing: Preprocessing) -> np.ndarray:
    """Make uint8 pixels (C, H, W) of a picture in the wanted mode; DataError for another mode or a size not taken.

    This is the last step alone, the fit: modes are converted by the intake, which knows what the file said.
    """
    mode = preprocessing.mode
    if image.mode != mode:
        raise DataError(
            f"preprocessing: expected a picture of mode {mode}, came {image.mode}; convert it to {mode} first"
        )
    size = (preprocessing.width, preprocessing.height)
    if image.size != size:
        if not preprocessing.any_size:
            raise DataError(
                f"preprocessing: expected {size[0]}x{size[1]} pixels, came {image.size[0]}x{image.size[1]}; "
                "resize it first, or set preprocessing.fit to 'pad', 'crop' or 'stretch'"
            )
        image = fit_picture(image, size, preprocessing.fit, preprocessing.padding)
    # `numpy.asarray` of a picture reads these bytes too, by a detour that takes as long again for a small one
    pixels = np.frombuffer(image.tobytes(), np.uint8).reshape(preprocessing.height, preprocessing.width, -1)
    if preprocessing.channels == 1:
        return pixels.reshape(preprocessing.shape)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


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
