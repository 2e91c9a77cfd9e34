"""The numbers of input validation: what an image may be, and how many may be refused before a batch is held."""

from typing import Annotated, get_args

from pydantic import BaseModel, ConfigDict, Field

from data_checks.intake.formats.header import ImageFormat

MOST_FILE_BYTES = 2**28
MOST_PIXELS = 80_000_000
"""What the settings can allow at most; below the 89 million at which Pillow speaks of decompression bombs."""


class InputPolicy(BaseModel):
    """Thresholds of input validation, the same at ingestion and in serving; set per catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    formats: Annotated[tuple[ImageFormat, ...], Field(min_length=1)] = get_args(ImageFormat)
    """File formats that are decoded at all. Every decoder is attack surface: leave out what nobody sends."""

    max_bytes: int = Field(default=64 * 2**20, ge=1, le=MOST_FILE_BYTES)
    """Largest file, bytes. Origin: our choice, more than a byte for each of the most pixels allowed; photographs of 50
    megapixels have 10 to 40 MB."""

    max_pixels: int = Field(default=50_000_000, ge=1, le=MOST_PIXELS)
    """Largest width x height, pixels, read from the header before anything is decoded: photographs of 50 megapixels.
    What decoding takes is bounded besides, at 448 MiB, so that kinds other than baseline JPEG may be refused below it.
    The bound on this field stays below the 89 million at which Pillow speaks of decompression bombs."""

    min_variance: float = Field(default=0.01, ge=0, le=0.25)
    """Smallest population variance over all pixels on [0, 1]. Origin: the field's rule for black frames,
    whose variance is 0. Real flat images lie under it: on the 60,000 training images of Fashion-MNIST the
    smallest is 0.0042 and 69 are below 0.01, so that catalogue uses 0.003 (0 of 60,000 refused)."""

    min_entropy_bits: float = Field(default=0.0, ge=0, le=4)
    """Smallest Shannon entropy of the 16-bin histogram, bits, 0 to 4. Off (0) by default: line art of two
    greys is a fair image of about 0.5 bits. On Fashion-MNIST's training images the smallest is 0.41 bits."""

    detect_inversion: bool = True
    """Whether negatives are recognised, by the reference of the version that serves. Without one nothing is called
    inverted, nor by one whose own images say that more than 1 % of good ones might pass for negatives: each of them is
    measured, none may pass, and there must be 299 of them at least."""

    inversion_margin: float = Field(default=0.45, gt=0, le=2)
    """By how much the histogram must be nearer to the mirrored reference than to the reference, L1 distance,
    0 to 2. Origin: the 70,000 images of Fashion-MNIST against their training mean. Real images called
    inverted and negatives found: 0 -> 42 and 99.94 %; 0.3 -> 3 and 99.3 %; 0.4 -> 1 and 98.2 %; 0.45 -> 0 and
    97.2 %. 0.45 is the smallest of these whose false rate is below 1 in 20,000 at 95 % confidence (1 in
    23,400). A whole source of negatives is still held, by its refused share. A reference that is its own
    mirror within the margin calls nothing inverted."""

    max_refused_share: float = Field(default=0.01, gt=0, lt=1)
    """Largest share of a source's images in a batch that may be refused for one reason; above it the others of that
    source are held, and no other's. Origin: the field's 1 %, tested as a rate: held only when the lower confidence
    bound exceeds it. `drift.max_refused_share`, what the monitor calls too many of the traffic, follows it."""

    refused_share_confidence: float = Field(default=0.999, gt=0.5, lt=1)
    """One-sided confidence of that bound: a reason whose true rate is at the limit holds at most 1 batch in
    1,000."""

    refused_share_min_images: int = Field(default=100, ge=1)
    """Fewest images in a batch for its refused shares to be judged; below it the verdict is inconclusive."""
