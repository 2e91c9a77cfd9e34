"""From the bytes of a file to a fully decoded picture of the wanted mode, or to the refusal of it."""

from io import BytesIO

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from data_checks import jpeg_header, png_header
from data_checks.errors import ImageRefused
from data_checks.image_header import ImageHeader
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from vae_core.preprocessing import Preprocessing

_OTHER_SIGNATURES = (
    (b"GIF8", "a GIF"),
    (b"RIFF", "a WebP or another RIFF file"),
    (b"BM", "a BMP"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x93NUMPY", "a NumPy array file"),
    (b"<", "HTML or XML"),
)


def read_header(data: bytes, policy: InputPolicy) -> ImageHeader:
    """Read the header of a file in one of the policy's formats.

    ImageRefused: empty_file, too_many_bytes, not_an_image, truncated, too_many_pixels.
    """
    if not data:
        raise ImageRefused(Refusal.empty_file, "expected an image file, came 0 bytes: upload it anew")
    if len(data) > policy.max_bytes:
        raise ImageRefused(
            Refusal.too_many_bytes,
            f"expected at most {policy.max_bytes} bytes, came {len(data)}: compress or downscale",
        )
    if data.startswith(png_header.SIGNATURE) and "PNG" in policy.formats:
        header = png_header.read_png_header(data)
    elif data.startswith(jpeg_header.SIGNATURE) and "JPEG" in policy.formats:
        header = jpeg_header.read_jpeg_header(data)
    else:
        raise ImageRefused(
            Refusal.not_an_image,
            f"expected {' or '.join(policy.formats)}, came {_name_content(data)}: convert it before upload",
        )
    if header.width * header.height > policy.max_pixels:
        raise ImageRefused(
            Refusal.too_many_pixels,
            f"expected at most {policy.max_pixels} pixels, came {header.width}x{header.height} = "
            f"{header.width * header.height}: downscale before upload",
        )
    return header


def require_wanted(header: ImageHeader, preprocessing: Preprocessing) -> None:
    """Refuse a file that preprocessing does not take. ImageRefused: wrong_mode, wrong_shape."""
    wanted = describe_wanted(preprocessing)
    came = f"{header.width}x{header.height} {header.mode}"
    if header.animated:
        raise _wrong_mode(wanted, f"{came}, animated", "save one still frame")
    if header.transparent:
        raise _wrong_mode(wanted, f"{came} with transparency", "flatten it onto its background")
    if header.mode == "P":
        raise _wrong_mode(wanted, f"{came} (palette)", f"convert it to {_mode(preprocessing)}")
    if header.bits > 8 or header.bits == 1:
        raise _wrong_mode(wanted, f"{came} with {header.bits} bits a channel", "save it with 8 bits a channel")
    if header.mode != _mode(preprocessing):
        raise _wrong_mode(wanted, came, f"convert it to {_mode(preprocessing)}")
    if preprocessing.resize == "refuse":
        require_size(header.width, header.height, header.mode, preprocessing)


def require_size(width: int, height: int, mode: str, preprocessing: Preprocessing) -> None:
    """Refuse another size than the preprocessing's. ImageRefused: wrong_shape."""
    if (width, height) != (preprocessing.width, preprocessing.height):
        raise ImageRefused(
            Refusal.wrong_shape,
            f"expected {describe_wanted(preprocessing)}, came {width}x{height} {mode}: resize or crop before upload",
        )


def decode(header: ImageHeader) -> Image.Image:
    """Decode every pixel of a file whose header was accepted. ImageRefused: truncated.

    Pillow's file classes are called by name: `Image.open` would warn of decompression bombs on its own terms,
    and try formats that the policy does not take.
    """
    file_class = PngImageFile if header.format == "PNG" else JpegImageFile
    try:
        image = file_class(BytesIO(header.decodable))
        if image.size != (header.width, header.height):
            raise ValueError(f"decoder reads {image.size}, header {(header.width, header.height)}")
        image.load()
    except Exception as error:  # hostile bytes make Pillow raise whatever its parser trips over
        raise ImageRefused(
            Refusal.truncated,
            f"expected a whole {header.format}, came one that does not decode "
            f"({type(error).__name__}: {_one_line(error)}): upload it anew",
        ) from error
    return image


def describe_wanted(preprocessing: Preprocessing) -> str:
    """Name the wanted size and mode in Pillow's words: `28x28 L`, `any size RGB` where images are resized."""
    size = "any size" if preprocessing.resize != "refuse" else f"{preprocessing.width}x{preprocessing.height}"
    return f"{size} {_mode(preprocessing)}"


def _mode(preprocessing: Preprocessing) -> str:
    return "L" if preprocessing.channels == 1 else "RGB"


def _wrong_mode(wanted: str, came: str, advice: str) -> ImageRefused:
    return ImageRefused(Refusal.wrong_mode, f"expected {wanted}, came {came}: {advice} before upload")


def _name_content(data: bytes) -> str:
    """Name the kind of a file by its first bytes, or quote them."""
    if data.startswith(png_header.SIGNATURE):
        return "a PNG"
    if data.startswith(jpeg_header.SIGNATURE):
        return "a JPEG"
    for signature, name in _OTHER_SIGNATURES:
        if data.startswith(signature):
            return name
    return f"a file that begins with {data[:8]!r}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
