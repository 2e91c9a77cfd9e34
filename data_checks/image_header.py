"""What an image file says about itself before anything is decoded."""

from dataclasses import dataclass
from typing import Literal

ImageFormat = Literal["PNG", "JPEG"]


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Format, size in pixels, bits a channel, and the file's own pixel `mode` in Pillow's words.

    `transparent` and `animated` name what a plain mode does not show. `decodable` is the file without its
    metadata: EXIF, ICC profiles and compressed text are attack surface, and no pixel depends on them.
    """

    format: ImageFormat
    width: int
    height: int
    bits: int
    mode: str
    transparent: bool
    animated: bool
    decodable: bytes
