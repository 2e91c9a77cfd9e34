"""The kinds of TIFF pixels that are decoded, and whether their strips or tiles are all inside of the file."""

from dataclasses import dataclass

from data_checks.errors import ImageRefused
from data_checks.intake.formats.directory import BrokenDirectory, Directory
from data_checks.refusal import Refusal

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES, _PLANAR, _EXTRA, _SAMPLE_FORMAT = 277, 284, 338, 339
_STRIP_OFFSETS, _ROWS, _STRIP_BYTES = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325

_NONE, _JPEG = 1, 7
_COMPRESSIONS = frozenset({_NONE, 2, 3, 4, 5, _JPEG, 8, 32773, 32946})  # none, CCITT, LZW, JPEG, deflate, PackBits
_WHITE_IS_0, _BLACK_IS_0, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_BASE = {_WHITE_IS_0: 1, _BLACK_IS_0: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}
_NAMES = {8: "CIELAB", 9: "ICCLAB", 32803: "raw sensor data", 34892: "raw sensor data"}
_ASSOCIATED = 1
_MOST_PARTS = 1_000_000
_MOST_TILE_PIXELS = 1 << 22


@dataclass(frozen=True, slots=True)
class Pixels:
    """Size, bits a sample, Pillow's word for the channels, and whether they are compressed."""

    width: int
    height: int
    bits: int
    mode: str
    samples: int
    compressed: bool
    planar: bool


def read_pixels(directory: Directory) -> Pixels:
    """Read what the pixels are. ImageRefused: wrong_mode for a kind that is not decoded, not_an_image for none."""
    width, height = directory.number(_WIDTH, 0), directory.number(_HEIGHT, 0)
    photometric = directory.number(_PHOTOMETRIC, -1)
    compression = directory.number(_COMPRESSION, _NONE)
    samples = directory.number(_SAMPLES, 1)
    if width == 0 or height == 0 or not 1 <= samples <= 8:
        raise ImageRefused(
            Refusal.not_an_image,
            f"expected a valid TIFF, came {width}x{height} with {samples} samples a pixel: save it anew",
        )
    if compression not in _COMPRESSIONS:
        raise _other_kind(width, height, f"compression {compression}")
    bits = set(directory.numbers(_BITS, 8)) or {1}
    if set(directory.numbers(_SAMPLE_FORMAT, 8)) - {1} or len(bits) > 1:
        raise _other_kind(width, height, "numbers that are no whole ones, or of different bits")
    if photometric not in _BASE:
        raise _other_kind(width, height, _NAMES.get(photometric, f"colours of kind {photometric}"))
    (depth,) = bits
    planar = directory.number(_PLANAR, 1) == 2
    mode = _name_mode(photometric, samples, directory.numbers(_EXTRA, 8), depth, compression)
    if mode is None or (planar and depth == 16):
        raise _other_kind(width, height, f"{samples} samples of {depth} bits, colours of kind {photometric}")
    return Pixels(width, height, depth, mode, samples, compression != _NONE, planar)


def _name_mode(photometric: int, samples: int, extra: tuple[int, ...], depth: int, compression: int) -> str | None:
    """Pillow's word for the channels; None for what is not decoded."""
    more = samples - _BASE[photometric]
    alpha = more == 1 and extra[:1] != (0,)
    if more not in (0, 1) or (more == 1 and photometric not in (_BLACK_IS_0, _RGB)):
        return None
    if photometric == _YCBCR:
        return "RGB" if (compression, depth) == (_JPEG, 8) else None
    if depth == 16:
        # Pillow reads white as 0 the other way round, grey with alpha not at all, and unties what was multiplied
        tied = photometric == _WHITE_IS_0 or (photometric == _BLACK_IS_0 and more == 1) or extra == (_ASSOCIATED,)
        return (
            None if tied or photometric == _PALETTE else {1: "L", 3: "RGB", 4: "CMYK"}[_BASE[photometric]] + "A" * alpha
        )
    if depth != 8 and (_BASE[photometric] > 1 or more):
        return None
    if depth not in (1, 2, 4, 8):
        return None
    if photometric == _PALETTE:
        return "P"
    return {1: "L", 3: "RGB", 4: "CMYK"}[_BASE[photometric]] + "A" * alpha


def require_data(directory: Directory, pixels: Pixels) -> None:
    """Refuse strips or tiles that are too few, or that end outside of the file.

    ImageRefused: truncated, not_an_image; BrokenDirectory.
    """
    tiled = _TILE_OFFSETS in directory.entries
    across, down = (
        (directory.number(_TILE_WIDTH, 0), directory.number(_TILE_HEIGHT, 0))
        if tiled
        else (pixels.width, min(directory.number(_ROWS, pixels.height), pixels.height))
    )
    if across == 0 or down == 0 or (tiled and across * down > _MOST_TILE_PIXELS):
        raise ImageRefused(
            Refusal.not_an_image, f"expected a valid TIFF, came parts of {across}x{down} pixels: save it anew"
        )
    parts = -(-pixels.width // across) * -(-pixels.height // down) * (pixels.samples if pixels.planar else 1)
    offsets = directory.numbers(_TILE_OFFSETS if tiled else _STRIP_OFFSETS, _MOST_PARTS)
    sizes = directory.numbers(_TILE_BYTES if tiled else _STRIP_BYTES, _MOST_PARTS)
    if len(offsets) != parts or len(sizes) != parts:
        raise BrokenDirectory(f"{len(offsets)} strips or tiles instead of {parts}")
    end = max(start + size for start, size in zip(offsets, sizes, strict=True))
    least = 1 if pixels.compressed else _raw_bytes(pixels, across, down, tiled, parts)
    if end > len(directory.data) or sum(sizes) < least or min(sizes) == 0:
        raise ImageRefused(
            Refusal.truncated,
            f"expected a whole TIFF, came {len(directory.data)} bytes whose pixels end at byte {end}: upload it anew",
        )


def _raw_bytes(pixels: Pixels, across: int, down: int, tiled: bool, parts: int) -> int:
    """Bytes that all parts together have without compression."""
    row = (across * (1 if pixels.planar else pixels.samples) * pixels.bits + 7) // 8
    if tiled:
        return parts * row * down
    return row * pixels.height * (pixels.samples if pixels.planar else 1)


def _other_kind(width: int, height: int, came: str) -> ImageRefused:
    return ImageRefused(
        Refusal.wrong_mode,
        f"expected a TIFF of 1 to 16 bit grey, RGB, CMYK or palette pixels, came {width}x{height} with {came}: "
        "save it as PNG or JPEG",
    )
