"""Which decoders made the pixels: kept beside a version, and no part of its preprocessing or its digest.

Another release of a decoder makes the same pixels as a rule; whether it does is what the golden files say.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Decoders(BaseModel):
    """The versions of the libraries that decode, convert and fit pictures; None of one that is not there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    pillow: str
    simplejpeg: str
    libjpeg_turbo: str | None
    zlib: str | None
    libwebp: str | None
    libavif: str | None
    libtiff: str | None
    lcms2: str | None

    def describe(self) -> str:
        """One line: `pillow 11.3.0, simplejpeg 1.8.2, …`; what is not there is left out."""
        said = self.model_dump(exclude={"schema_version"}, exclude_none=True)
        return ", ".join(f"{name} {version}" for name, version in said.items())

    @classmethod
    def now(cls) -> Decoders:
        """Those of this process."""
        from PIL import __version__, features
        from simplejpeg import __version__ as simplejpeg_version

        return cls(
            pillow=__version__,
            simplejpeg=simplejpeg_version,
            libjpeg_turbo=features.version("libjpeg_turbo"),
            zlib=features.version("zlib"),
            libwebp=features.version("webp"),
            libavif=features.version("avif"),
            libtiff=features.version("libtiff"),
            lcms2=features.version("littlecms2"),
        )
