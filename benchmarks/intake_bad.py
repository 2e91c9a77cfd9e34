"""Files that must not be trained on, of every kind that came up, each with the reason for which it is refused."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from benchmarks.intake_kinds import drawing, grey, save
from benchmarks.png_writer import chunk, write_png
from benchmarks.tiff_writer import write_tiff
from data_checks.refusal import Refusal

Maker = Callable[[], bytes]

_SCAN, _END = b"\xff\xda", b"\xff\xd9"


def picture() -> Image.Image:
    """What would have been sent."""
    return Image.fromarray(drawing())


def animate(file_format: str) -> bytes:
    """Two frames in one file."""
    return save(picture(), file_format, save_all=True, append_images=[picture().rotate(180)], duration=100)


def cut(data: bytes, share: float = 0.6) -> bytes:
    """A download that broke off."""
    return data[: int(len(data) * share)]


def cut_pixels_of_jpeg(data: bytes, share: float = 0.6) -> bytes:
    """Cut within the pixels, and the end marker put back."""
    first = data.index(_SCAN)
    return data[: first + int((len(data) - first) * share)] + _END


def drop_last_scans(data: bytes, kept: int = 4) -> bytes:
    """A progressive file that ends, well formed, before its details."""
    places = [place for place in range(len(data) - 1) if data[place : place + 2] == _SCAN]
    # a table belongs to the scan behind it
    return data[: data.rindex(b"\xff\xc4", 0, places[kept])] + _END


def patch_jpeg(at: int, value: bytes) -> bytes:
    """Overwrite bytes of the frame header (marker, length, bits, height, width)."""
    data = bytearray(save(picture(), "JPEG", quality=90))
    start = data.index(b"\xff\xc0")
    data[start + at : start + at + len(value)] = value
    return bytes(data)


def png_of(header: tuple[int, int, int, int], pixels: bytes | None, *more: bytes) -> bytes:
    """A PNG whose header (width, height, bits, colour type) is made up."""
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))
    body = b"" if pixels is None else chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + start + b"".join(more) + body + chunk(b"IEND")


def webp_resized(data: bytes) -> bytes:
    """A WebP cut within its pixels whose sizes were mended."""
    kept = cut(data)
    kept = kept[: len(kept) - len(kept) % 2]
    kept = kept[:4] + struct.pack("<I", len(kept) - 8) + kept[8:]
    return kept[:16] + struct.pack("<I", len(kept) - 20) + kept[20:]


def webp_canvas(width: int) -> bytes:
    """A WebP whose canvas is not its picture."""
    data = bytearray(save(Image.fromarray(drawing()).convert("RGB"), "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"))
    start = data.index(b"VP8X") + 8
    data[start + 4 : start + 7] = (width - 1).to_bytes(3, "little")
    return bytes(data)


def tiff_field(tag: int, value: int) -> bytes:
    """A TIFF one of whose fields says something else."""
    data = bytearray(write_tiff(drawing(), 2))
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, place)[0] == tag:
            struct.pack_into("<I", data, place + 8, value)
    return bytes(data)


def tiff_short() -> bytes:
    """A compressed TIFF whose strip says that it has half of its bytes."""
    data = bytearray(save(picture(), "TIFF", compression="tiff_adobe_deflate"))
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, place)[0] == 279:
            (size,) = struct.unpack_from("<I", data, place + 8)
            struct.pack_into("<I", data, place + 8, size // 2)
    return bytes(data)


def tiff_float() -> bytes:
    """A TIFF of floats, as microscopes write them."""
    return save(Image.fromarray(grey().astype(np.float32) / 255), "TIFF")


def bmp_compressed() -> bytes:
    """A BMP that says that it is run-length coded."""
    data = bytearray(save(picture().quantize(16), "BMP"))
    struct.pack_into("<I", data, 30, 1)
    return bytes(data)


def gif_short() -> bytes:
    """A GIF whose data says that it ends, after two rows, and is well formed besides."""
    whole = save(picture().quantize(8), "GIF")
    few = save(picture().crop((0, 0, drawing().shape[1], 2)).quantize(8), "GIF")
    data = bytearray(few)
    for place in (8, few.index(b",") + 7):
        data[place : place + 2] = whole[8:10]
    return bytes(data)


def avif_of_another_size() -> bytes:
    """An AVIF whose frame is larger than it says."""
    data = bytearray(save(Image.fromarray(drawing(480, 640)), "AVIF"))
    start = data.index(b"ispe") + 8
    data[start : start + 8] = struct.pack(">II", 64, 48)
    return bytes(data)


def sequence_avif() -> bytes:
    """A moving AVIF."""
    return animate("AVIF")


def _kinds() -> Mapping[str, tuple[Maker, Refusal]]:
    other, torn, moving = Refusal.not_an_image, Refusal.truncated, Refusal.wrong_mode
    return {
        "nothing": (lambda: b"", Refusal.empty_file),
        "text": (lambda: b"id,label\n1,shoe\n" * 20, other),
        "noise": (lambda: np.random.default_rng(0).bytes(4000), other),
        "PDF": (lambda: b"%PDF-1.7\n" + bytes(900), other),
        "ZIP": (lambda: b"PK\x03\x04" + bytes(900), other),
        "web page": (lambda: b"<!DOCTYPE html><html></html>", other),
        "SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", other),
        "HEIC": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(900), other),
        "film": (lambda: b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(900), other),
        "Photoshop": (lambda: b"8BPS\0\1" + bytes(900), other),
        "JPEG XL": (lambda: b"\xff\x0a" + bytes(900), other),
        "JPEG 2000": (lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(900), other),
        "icon": (lambda: save(picture(), "ICO", sizes=[(32, 32)]), other),
        "sound": (lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(900), other),
        "BigTIFF": (lambda: b"II+\0\x08\0\0\0" + bytes(900), other),
        "NumPy array": (lambda: b"\x93NUMPY\1\0" + bytes(900), other),
        "PNG cut": (lambda: cut(_png()), torn),
        "PNG without its end": (lambda: _png()[:-12], torn),
        "PNG with a flipped bit": (lambda: _flip(_png(), 0.5), torn),
        "PNG without pixels": (lambda: png_of((64, 48, 8, 2), None), torn),
        "PNG with too few rows": (lambda: png_of((64, 48, 8, 2), bytes(193 * 20)), torn),
        "PNG of another header than its pixels": (lambda: png_of((64, 48, 8, 2), bytes(49 * 64)), torn),
        "PNG bomb": (lambda: png_of((60_000, 60_000, 8, 2), b""), Refusal.too_many_pixels),
        "PNG that would take too much memory": (lambda: png_of((6_000, 6_000, 16, 2), b""), Refusal.too_many_pixels),
        "PNG with two headers": (lambda: png_of((64, 48, 8, 2), b"", chunk(b"IHDR", bytes(13))), other),
        "PNG palette without colours": (lambda: png_of((64, 48, 8, 3), bytes(65 * 48)), other),
        "animated PNG": (lambda: animate("PNG"), moving),
        "JPEG cut": (lambda: cut(_jpeg()), torn),
        "JPEG cut, its end put back": (lambda: cut_pixels_of_jpeg(_jpeg()), torn),
        "JPEG cut near its end, its end put back": (lambda: cut_pixels_of_jpeg(_jpeg(), 0.97), torn),
        "progressive JPEG cut, its end put back": (lambda: cut_pixels_of_jpeg(_progressive(), 0.3), torn),
        "progressive JPEG without its last scans": (lambda: drop_last_scans(_progressive()), torn),
        "JPEG that says it is higher": (lambda: patch_jpeg(5, b"\x01\x00"), torn),
        "JPEG of 12 bits": (lambda: patch_jpeg(4, b"\x0c"), moving),
        "JPEG bomb": (lambda: patch_jpeg(5, b"\xff\xf0\xff\xf0"), Refusal.too_many_pixels),
        "lossless JPEG": (lambda: patch_jpeg(1, b"\xc3"), other),
        "JPEG of no width": (lambda: patch_jpeg(7, b"\0\0"), other),
        "JPEG with its pixels overwritten": (lambda: _overwrite_jpeg(_jpeg()), torn),
        "WebP cut": (lambda: cut(_webp()), torn),
        "WebP cut, its sizes mended": (lambda: webp_resized(_webp()), torn),
        "WebP on another canvas": (lambda: webp_canvas(5000), other),
        "animated WebP": (lambda: animate("WEBP"), moving),
        "TIFF cut": (lambda: cut(_tiff()), torn),
        "TIFF whose strip lies outside": (lambda: tiff_field(273, 10_000_000), torn),
        "TIFF bomb": (lambda: tiff_field(256, 2_000_000_000), torn),
        "TIFF whose strip is too short": (tiff_short, torn),
        "TIFF of floats": (tiff_float, moving),
        "TIFF of CIELAB": (lambda: write_tiff(drawing(), 8), moving),
        "TIFF of three pages": (lambda: write_tiff(drawing(), 2, pages=3), moving),
        "BMP cut": (lambda: cut(save(picture(), "BMP")), torn),
        "compressed BMP": (bmp_compressed, moving),
        "GIF cut": (lambda: cut(save(picture().quantize(64), "GIF")), torn),
        "GIF whose pixels end early": (gif_short, torn),
        "animated GIF": (lambda: animate("GIF"), moving),
        "AVIF cut": (lambda: cut(save(picture(), "AVIF")), torn),
        "AVIF of larger frames than it says": (avif_of_another_size, other),
        "moving AVIF": (sequence_avif, moving),
        "black frame": (lambda: write_png(np.zeros((48, 64, 3), np.uint8)), Refusal.low_variance),
        "too many bytes": (lambda: _png() + bytes(64 * 2**20), Refusal.too_many_bytes),
    }


def _jpeg() -> bytes:
    return save(picture(), "JPEG", quality=90)


def _progressive() -> bytes:
    return save(picture(), "JPEG", quality=90, progressive=True)


def _png() -> bytes:
    return write_png(drawing())


def _webp() -> bytes:
    return save(picture(), "WEBP")


def _tiff() -> bytes:
    return write_tiff(drawing(), 2)


def _flip(data: bytes, share: float) -> bytes:
    changed = bytearray(data)
    changed[int(len(data) * share)] ^= 4
    return bytes(changed)


def _overwrite_jpeg(data: bytes) -> bytes:
    """Put other bytes in the place of some pixels: a bad sector."""
    first = data.index(_SCAN) + 14
    middle = (first + len(data)) // 2
    return data[:middle] + b"\xff\xd3" + data[middle + 2 :]


BAD_KINDS = _kinds()
"""By name: how it is made, and the reason for which it is refused."""


def hostile_metadata() -> bytes:
    """A whole PNG whose text unpacks to 8 MiB, which is a reason for Pillow not to open it."""
    text = chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(8 * 2**20), 9))
    return write_png(drawing(), [text])


def opens_with_pillow(data: bytes) -> bool:
    """Whether Pillow alone opens it."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except (OSError, ValueError, SyntaxError):
        return False
    return True
