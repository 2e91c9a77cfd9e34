"""From the bytes of a file to its header, or to the refusal of it; nothing is decoded yet."""

from collections.abc import Callable, Mapping

from data_checks.errors import ImageRefused
from data_checks.intake.decode import could_fit
from data_checks.intake.formats.avif import read_avif_header
from data_checks.intake.formats.bmp import read_bmp_header
from data_checks.intake.formats.gif import read_gif_header
from data_checks.intake.formats.header import ImageFormat, ImageHeader
from data_checks.intake.formats.jpeg import read_jpeg_header
from data_checks.intake.formats.png import read_png_header
from data_checks.intake.formats.signatures import name_content, name_format, recognise
from data_checks.intake.formats.tiff import read_tiff_header
from data_checks.intake.formats.webp import read_webp_header
from data_checks.policy import MOST_FILE_BYTES, MOST_PIXELS, InputPolicy
from data_checks.refusal import NO_SETTING, Refusal
from vae_core.images.preprocessing import Preprocessing

_READERS: Mapping[ImageFormat, Callable[[bytes], ImageHeader]] = {
    "PNG": read_png_header,
    "JPEG": read_jpeg_header,
    "WEBP": read_webp_header,
    "TIFF": read_tiff_header,
    "BMP": read_bmp_header,
    "GIF": read_gif_header,
    "AVIF": read_avif_header,
}
_OF_SCHEMA_1 = ("PNG", "JPEG")


def read_header(data: bytes, policy: InputPolicy) -> ImageHeader:
    """Read the header of a file in one of the policy's formats.

    ImageRefused: empty_file, too_many_bytes, not_an_image, format_not_wanted, truncated, too_many_pixels;
    wrong_mode for pixels of a kind that is never decoded.
    """
    if not data:
        raise ImageRefused(Refusal.empty_file, "expected an image file, came 0 bytes: upload it anew")
    if len(data) > policy.max_bytes:
        raise ImageRefused(Refusal.too_many_bytes, say_too_many_bytes(len(data), policy))
    known = recognise(data)
    if known is None:
        came, advice = name_content(data)
        raise ImageRefused(Refusal.not_an_image, f"expected {' or '.join(policy.formats)}, came {came}: {advice}")
    if known not in policy.formats:
        raise ImageRefused(
            Refusal.format_not_wanted,
            f"expected {' or '.join(policy.formats)}, came {name_format(known)}: convert it before upload, or add "
            f'"{known}" to input_policy.formats',
        )
    header = _READERS[known](data)
    pixels = header.width * header.height
    if pixels > policy.max_pixels:
        allowed = pixels <= MOST_PIXELS and could_fit(header)
        raise ImageRefused(
            Refusal.too_many_pixels,
            f"expected at most {policy.max_pixels} pixels, came {header.width}x{header.height} = {pixels}: "
            f"downscale it, {'or raise input_policy.max_pixels' if allowed else NO_SETTING}",
        )
    return header


def say_too_many_bytes(size_bytes: int, policy: InputPolicy) -> str:
    """What is wrong with a file of this size."""
    way_out = "or raise input_policy.max_bytes" if size_bytes <= MOST_FILE_BYTES else NO_SETTING
    return f"expected at most {policy.max_bytes} bytes, came {size_bytes}: compress or downscale it, {way_out}"


def require_wanted(header: ImageHeader, preprocessing: Preprocessing) -> None:
    """Refuse a file that preprocessing does not take. ImageRefused: wrong_mode, wrong_shape."""
    if not preprocessing.converts:
        _require_plain(header, preprocessing)
    elif header.several:
        raise _wrong_mode(preprocessing, _describe(header), f"{header.several}: save one still picture of it")
    elif header.format == "JPEG" and header.bits != 8:
        raise _wrong_mode(preprocessing, _describe(header), f"with {header.bits} bits a channel: save it with 8 bits")
    if not preprocessing.any_size:
        size = header.upright if preprocessing.converts else (header.width, header.height)
        require_size(*size, header.mode, preprocessing)


def _require_plain(header: ImageHeader, preprocessing: Preprocessing) -> None:
    """What schema 1 takes: still 8-bit pixels in the wanted channels, of its two formats."""
    mode, came = preprocessing.mode, _describe(header)
    if header.several:
        raise _wrong_mode(preprocessing, came, f"{header.several}: save one still frame before upload")
    if header.transparent:
        raise _wrong_mode(preprocessing, came, "with transparency: flatten it onto its background before upload")
    if header.mode == "P":
        raise _wrong_mode(preprocessing, came, f"(palette): convert it to {mode} before upload")
    if header.bits > 8 or header.bits == 1:
        raise _wrong_mode(preprocessing, came, f"with {header.bits} bits a channel: save it with 8 bits a channel")
    if header.mode != mode or header.format not in _OF_SCHEMA_1:
        raise _wrong_mode(preprocessing, came, f"as {header.format}: save it as PNG or JPEG of mode {mode}")


def require_size(width: int, height: int, mode: str, preprocessing: Preprocessing) -> None:
    """Refuse another size than the preprocessing's. ImageRefused: wrong_shape."""
    if (width, height) != (preprocessing.width, preprocessing.height):
        raise ImageRefused(
            Refusal.wrong_shape,
            f"expected {describe_wanted(preprocessing)}, came {width}x{height} {mode}: resize or crop it, or set "
            "preprocessing.fit to pad, crop or stretch",
        )


def describe_wanted(preprocessing: Preprocessing) -> str:
    """Name the wanted size and mode in Pillow's words: `28x28 L`, `any size RGB` where another size is fitted."""
    size = "any size" if preprocessing.any_size else f"{preprocessing.width}x{preprocessing.height}"
    return f"{size} {preprocessing.mode}"


def _describe(header: ImageHeader) -> str:
    return f"{header.width}x{header.height} {header.mode}"


def _wrong_mode(preprocessing: Preprocessing, came: str, advice: str) -> ImageRefused:
    return ImageRefused(Refusal.wrong_mode, f"expected {describe_wanted(preprocessing)}, came {came} {advice}")
