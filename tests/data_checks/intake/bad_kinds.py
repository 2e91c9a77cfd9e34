"""The bad kinds of file, by the module of the intake whose work it is to find them, and how each is refused."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.intake_bad import BAD_KINDS
from data_checks.input_validation import judge_image_bytes
from data_checks.policy import InputPolicy
from tests.data_checks.intake.judging import BOX

FOUND_BY: Mapping[str, tuple[str, ...]] = {
    "content": ("black frame",),
    "decode": (
        "PNG of another header than its pixels",
        "PNG that would take too much memory",
        "WebP cut, its sizes mended",
        "TIFF whose strip is too short",
        "GIF whose pixels end early",
    ),
    "file": ("nothing", "too many bytes", "PNG bomb", "JPEG bomb"),
    "formats.av1": ("AVIF of larger frames than it says",),
    "formats.avif": ("AVIF cut", "moving AVIF"),
    "formats.bmp": ("BMP cut", "compressed BMP"),
    "formats.gif": ("GIF cut", "animated GIF"),
    "formats.jpeg": ("JPEG cut", "JPEG of 12 bits", "lossless JPEG", "JPEG of no width"),
    "formats.jpeg_scans": ("progressive JPEG cut, its end put back", "progressive JPEG without its last scans"),
    "formats.png": (
        "PNG cut",
        "PNG without its end",
        "PNG with a flipped bit",
        "PNG without pixels",
        "PNG with two headers",
        "PNG palette without colours",
        "animated PNG",
    ),
    "formats.signatures": (
        "text",
        "noise",
        "PDF",
        "ZIP",
        "web page",
        "SVG",
        "HEIC",
        "film",
        "Photoshop",
        "JPEG XL",
        "JPEG 2000",
        "icon",
        "sound",
        "BigTIFF",
        "NumPy array",
    ),
    "formats.tiff": ("TIFF cut", "TIFF of three pages"),
    "formats.tiff_pixels": ("TIFF whose strip lies outside", "TIFF bomb", "TIFF of floats", "TIFF of CIELAB"),
    "formats.webp": ("WebP cut", "WebP on another canvas", "animated WebP"),
    "jpeg_pixels": (
        "JPEG cut, its end put back",
        "JPEG cut near its end, its end put back",
        "JPEG that says it is higher",
        "JPEG with its pixels overwritten",
    ),
    "png_pixels": ("PNG with too few rows",),
}


def require_refused(name: str) -> None:
    """A bad kind is refused for its own reason, in one line that says what was expected."""
    make, reason = BAD_KINDS[name]
    policy = InputPolicy(max_bytes=100_000) if name == "too many bytes" else InputPolicy()
    judged = judge_image_bytes(make(), BOX, policy)
    assert judged.refusal is reason
    assert judged.detail.startswith("expected ") and "\n" not in judged.detail and len(judged.detail) < 400
