"""What an image file says about itself before anything is decoded."""

from dataclasses import dataclass
from typing import Literal

ImageFormat = Literal["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"]

MOST_PROFILE_BYTES = 4 * 2**20
"""A larger colour profile is not read: those of printing houses, the largest, have up to 3 MiB."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Format, size in pixels as they are stored, bits a channel, and the file's own pixel `mode` in Pillow's words.

    `several` says what it holds beside one still picture ("animated", "of 3 pages"), empty where it is one.
    `orientation` is EXIF's (1 to 8), `profile` the ICC profile as it is embedded, `key` the one grey (1) or colour (3)
    that stands for transparent, in the file's own depth. `work_bytes` is what decoding takes a pixel beside the usual.
    `decodable` is the file without its metadata: EXIF and compressed text are attack surface, and what the pixels
    need of them was read here.
    """

    format: ImageFormat
    width: int
    height: int
    bits: int
    mode: str
    transparent: bool
    decodable: bytes
    several: str = ""
    orientation: int = 1
    profile: bytes | None = None
    key: tuple[int, ...] = ()
    work_bytes: float = 0.0

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as the picture is meant to be looked at."""
        return (self.width, self.height) if self.orientation < 5 else (self.height, self.width)
