"""Which kind of file it is, by its first bytes, and the way out for those that are no pictures we decode."""

from data_checks.intake.formats import avif, bmp, gif, jpeg, png, tiff, webp
from data_checks.intake.formats.header import ImageFormat

_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_CONVERT = "convert it before upload"
_OTHERS = (
    (b"%PDF", "a PDF", "save its pictures as PNG or JPEG"),
    (b"8BPS", "a Photoshop file", "save it as PNG or TIFF"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL", "save it as PNG or JPEG"),
    (b"\xff\x0a", "a JPEG XL", "save it as PNG or JPEG"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000", "save it as PNG or JPEG"),
    (b"II+\x00", "a BigTIFF", "save it as TIFF or PNG"),
    (b"MM\x00+", "a BigTIFF", "save it as TIFF or PNG"),
    (b"\x00\x00\x01\x00", "an icon (ICO)", "save it as PNG"),
    (b"RIFF", "a sound or a film (RIFF)", _CONVERT),
    (b"\x1aE\xdf\xa3", "a film (Matroska)", "save a frame of it as PNG or JPEG"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it"),
    (b"\x1f\x8b", "a gzip file", "unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\x93NUMPY", "a NumPy array file", "send it as application/x-npy, or save it as PNG"),
    (b"<svg", "an SVG drawing", "draw it at the wanted size as PNG"),
    (b"<", "HTML or XML", _CONVERT),
)


def recognise(data: bytes) -> ImageFormat | None:
    """The format among those that are decoded, None for any other."""
    if data.startswith(png.SIGNATURE):
        return "PNG"
    if data.startswith(jpeg.SIGNATURE):
        return "JPEG"
    if webp.is_webp(data):
        return "WEBP"
    if data.startswith(tiff.SIGNATURES):
        return "TIFF"
    if data.startswith(gif.SIGNATURES):
        return "GIF"
    if data.startswith(bmp.SIGNATURE):
        return "BMP"
    return "AVIF" if avif.is_avif(data) else None


def name_format(known: ImageFormat) -> str:
    """As a sentence says it.

    >>> name_format("AVIF"), name_format("WEBP")
    ('an AVIF', 'a WebP')
    """
    return f"{'an' if known == 'AVIF' else 'a'} {'WebP' if known == 'WEBP' else known}"


def name_content(data: bytes) -> tuple[str, str]:
    """What a file of no format that is decoded is, or how it begins, and what to do with it."""
    brands = avif.read_brands(data)
    if brands & _HEIC:
        return (
            "a HEIC photograph",
            "save it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible), or export it as JPEG",
        )
    if brands:
        return "a film (MP4)", "save a frame of it as PNG or JPEG"
    for signature, name, advice in _OTHERS:
        if data.startswith(signature):
            return name, advice
    return f"a file that begins with {data[:8]!r}", _CONVERT
