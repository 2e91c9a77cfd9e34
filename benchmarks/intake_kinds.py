"""Valid files of every kind that a camera, a phone, a shop or a scanner makes, each with the pixels it stands for.

The pixels are made by numpy from what was drawn, or, where a lossy codec stands between, from Pillow's bare decode: a
second route, beside the independent oracle that the benchmark asks.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.icc_profiles import P3_D50, make_grey_profile, make_ink_profile, make_matrix_profile
from benchmarks.png_writer import chunk, profile_chunk, write_png
from benchmarks.tiff_writer import write_tiff

Pixels = NDArray[np.float64]
"""(H, W, 3), sRGB on 0..255, upright, over white."""

HEIGHT, WIDTH = 48, 64
_SRGB_D50 = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


@dataclass(frozen=True, slots=True)
class ValidFile:
    """A file, what stands in it, and the ending that it would have."""

    data: bytes
    expected: Pixels
    ending: str


@cache
def drawing(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Draw (H, W, 3): soft colours that differ in every corner, a hard square and a thin line; nothing symmetric."""
    y, x = np.mgrid[0:height, 0:width] / np.array([max(height - 1, 1), max(width - 1, 1)]).reshape(2, 1, 1)
    picture = np.stack([40 + 180 * x, 220 - 150 * y, 60 + 120 * x * y], axis=2)
    picture[height // 8 : height // 3, width // 8 : width // 3] = (230, 40, 60)
    picture[:, width * 3 // 4] = (20, 30, 200)
    drawn: NDArray[np.uint8] = np.rint(picture).astype(np.uint8)
    drawn.flags.writeable = False
    return drawn


def grey() -> NDArray[np.uint8]:
    """The drawing's luma (H, W)."""
    return np.asarray(Image.fromarray(drawing()).convert("L"))


def save(image: Image.Image, file_format: str, **options: object) -> bytes:
    """Encode with Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def bare(data: bytes) -> Pixels:
    """What Pillow alone makes of a file."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def turn(stored: Pixels, orientation: int) -> Pixels:
    """Stored pixels as EXIF's orientation wants them to be shown."""
    turned: Mapping[int, Callable[[Pixels], Pixels]] = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 1),
    }
    return turned[orientation](stored)


def over_white(colours: Pixels, alpha: NDArray[np.float64]) -> Pixels:
    """Colours (H, W, 3) with alpha (H, W) on 0..1 over white."""
    return colours * alpha[:, :, np.newaxis] + 255.0 * (1 - alpha[:, :, np.newaxis])


def from_grey(levels: NDArray[np.floating] | NDArray[np.integer]) -> Pixels:
    """Grey (H, W) in three channels."""
    return np.repeat(np.asarray(levels, np.float64)[:, :, np.newaxis], 3, axis=2)


def encode_srgb(linear: Pixels) -> Pixels:
    """Linear light on 0..1 as sRGB on 0..255."""
    clipped = linear.clip(0, 1)
    return 255 * np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)


def lab_to_srgb(lab: NDArray[np.float64]) -> Pixels:
    """CIELAB under D50 as sRGB on 0..255."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * np.array([0.9642, 1.0, 0.8249])
    return encode_srgb(xyz @ np.linalg.inv(_SRGB_D50).T)


def oriented(orientation: int) -> ValidFile:
    """A photograph as a phone writes it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = save(Image.fromarray(drawing()), "JPEG", quality=90, exif=exif)
    return ValidFile(data, turn(bare(data), orientation), "jpg")


def sixteen_bits() -> ValidFile:
    """A PNG of 16 bits a colour whose lower bytes matter: half of its levels round up."""
    samples = drawing().astype(np.uint16) * 257
    samples[::2] += np.where(samples[::2] < 65000, np.uint16(200), np.uint16(0))
    return ValidFile(write_png(samples), samples / 257.0, "png")


INKS_LAB: NDArray[np.float64] = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij"), axis=-1) @ np.array(
    [[-40.0, -30.0, -45.0], [-45.0, 70.0, -5.0], [-10.0, -5.0, 85.0], [-85.0, 0.0, 0.0]]
) + [96.0, 0.0, 2.0]
"""CIELAB of no and full cyan, magenta, yellow and black; clipped where inks lie over one another."""


def ink_table() -> NDArray[np.float64]:
    """The press: its paper is white, and all inks together are black."""
    lab = INKS_LAB.copy()
    lab[..., 0] = lab[..., 0].clip(0, 100)
    lab[..., 1:] = lab[..., 1:].clip(-100, 100)
    lab[0, 0, 0, 0], lab[1, 1, 1, 1] = (100, 0, 0), (0, 0, 0)
    return lab


def ink_patches() -> NDArray[np.uint8]:
    """The sixteen mixtures of full inks, CMYK (64, 64, 4), 16 pixels each."""
    corners = np.stack(np.meshgrid(*[[0, 255]] * 4, indexing="ij"), axis=-1).reshape(4, 4, 4)
    return corners.repeat(16, axis=0).repeat(16, axis=1).astype(np.uint8)


def inks_with_profile() -> ValidFile:
    """A CMYK JPEG of a printer, inverted as Adobe's programs write it, with its profile."""
    profile = make_ink_profile(ink_table())
    data = save(Image.fromarray(ink_patches(), "CMYK"), "JPEG", quality=98, icc_profile=profile)
    colours = lab_to_srgb(ink_table().reshape(4, 4, 3))
    return ValidFile(data, colours.repeat(16, axis=0).repeat(16, axis=1), "jpg")


def inks_without_profile() -> ValidFile:
    """A CMYK JPEG without one: inks multiply."""
    inks = np.dstack([255 - drawing(), np.full((HEIGHT, WIDTH), 40, np.uint8)])
    data = save(Image.fromarray(inks, "CMYK"), "JPEG", quality=98)
    with Image.open(io.BytesIO(data)) as image:
        came = np.asarray(image).astype(float) / 255
    return ValidFile(data, 255 * (1 - came[:, :, :3]) * (1 - came[:, :, 3:]), "jpg")


def transparent() -> ValidFile:
    """A product cut out of its background, with a soft edge."""
    alpha = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
    data = write_png(np.dstack([drawing(), alpha]))
    return ValidFile(data, over_white(drawing().astype(float), alpha / 255), "png")


def grey_transparent() -> ValidFile:
    """Grey with an alpha channel."""
    alpha = np.tile(np.linspace(255, 0, HEIGHT).astype(np.uint8)[:, np.newaxis], (1, WIDTH))
    return ValidFile(write_png(np.dstack([grey(), alpha])), over_white(from_grey(grey()), alpha / 255), "png")


def palette_transparent() -> ValidFile:
    """A web picture of few colours, one of which is half transparent, one wholly."""
    image = Image.fromarray(drawing()).quantize(16)
    data = save(image, "PNG", transparency=bytes([0, 128]))
    table = np.array(image.getpalette(), float).reshape(-1, 3)
    alpha = np.ones(len(table))
    alpha[:2] = 0, 128 / 255
    places = np.asarray(image)
    return ValidFile(data, over_white(table[places], alpha[places]), "png")


def one_bit() -> ValidFile:
    """A scanned page."""
    image = Image.fromarray(grey()).convert("1")
    return ValidFile(save(image, "PNG"), from_grey(np.asarray(image) * 255.0), "png")


def interlaced() -> ValidFile:
    """A PNG that appears coarse first."""
    return ValidFile(write_png(drawing(), interlaced=True), drawing().astype(float), "png")


def lossy(file_format: str, ending: str, **options: object) -> ValidFile:
    """The drawing by a codec that changes it: what Pillow alone decodes is what stands in it."""
    data = save(Image.fromarray(drawing()), file_format, **options)
    return ValidFile(data, bare(data), ending)


def exact(file_format: str, ending: str, **options: object) -> ValidFile:
    """The drawing by a codec that keeps it."""
    return ValidFile(save(Image.fromarray(drawing()), file_format, **options), drawing().astype(float), ending)


def gif() -> ValidFile:
    """One frame of 64 colours."""
    image = Image.fromarray(drawing()).quantize(64)
    return ValidFile(save(image, "GIF"), np.asarray(image.convert("RGB")).astype(float), "gif")


def strip() -> ValidFile:
    """Twenty times as wide as high."""
    return ValidFile(write_png(drawing(13, 260)), drawing(13, 260).astype(float), "png")


def tiny() -> ValidFile:
    """Three pixels by two."""
    return ValidFile(write_png(drawing(2, 3)), drawing(2, 3).astype(float), "png")


def photograph(width: int = 4000, height: int = 3000) -> ValidFile:
    """A photograph of 12 megapixels: soft shapes, fine texture and the noise of a sensor."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    shade = 128 + 60 * np.sin(x / 310) * np.cos(y / 270) + 20 * np.sin(x / 7) * np.sin(y / 9)
    noise = np.random.default_rng(5).normal(0, 3, (height, width)).astype(np.float32)
    channels = [shade + noise, shade * 0.8 + 30 + noise, 200 - shade * 0.6 + noise]
    drawn = np.stack([channel.clip(0, 255).astype(np.uint8) for channel in channels], axis=2)
    data = save(Image.fromarray(drawn), "JPEG", quality=88)
    return ValidFile(data, bare(data), "jpg")


VALID_KINDS: Mapping[str, Callable[[], ValidFile]] = {
    **{f"orientation {number}": partial(oriented, number) for number in range(1, 9)},
    "16 bits": sixteen_bits,
    "CMYK with its profile": inks_with_profile,
    "CMYK without a profile": inks_without_profile,
    "RGBA": transparent,
    "LA": grey_transparent,
    "palette with transparency": palette_transparent,
    "1 bit": one_bit,
    "interlaced": interlaced,
    "progressive": lambda: lossy("JPEG", "jpg", quality=90, progressive=True),
    "WebP lossy": lambda: lossy("WEBP", "webp", quality=80),
    "WebP lossless": lambda: exact("WEBP", "webp", lossless=True),
    "TIFF LZW": lambda: exact("TIFF", "tif", compression="tiff_lzw"),
    "BMP": lambda: exact("BMP", "bmp"),
    "GIF": gif,
    "1:20": strip,
    "3x2 pixels": tiny,
}
"""24 kinds by name; the 12 megapixels and the long names are asked for beside them, for they are no other pixels."""


def display_p3() -> ValidFile:
    """A phone's wide colours."""
    linear = (drawing() / 255.0) ** 2.2 @ (np.linalg.inv(_SRGB_D50) @ P3_D50).T
    return ValidFile(write_png(drawing(), [profile_chunk(make_matrix_profile())]), encode_srgb(linear), "png")


def linear_grey() -> ValidFile:
    """A scanner's grey that is proportional to light."""
    data = write_png(grey()[:, :, np.newaxis], [profile_chunk(make_grey_profile())])
    return ValidFile(data, encode_srgb(from_grey(grey() / 255.0)), "png")


def sixteen_bit_tiff() -> ValidFile:
    """A camera's 16 bits a colour, the larger byte first, turned."""
    samples = drawing().astype(np.uint16) * 250
    return ValidFile(write_tiff(samples, 2, order=">", orientation=6), turn(samples / 257.0, 6), "tif")


def sixteen_bit_grey() -> ValidFile:
    """A sensor's 16 bits."""
    samples = grey().astype(np.uint16) * 256 + 100
    return ValidFile(write_png(samples[:, :, np.newaxis]), from_grey(samples / 257.0), "png")


def sixteen_bit_alpha() -> ValidFile:
    """16 bits of grey and of alpha."""
    alpha = np.tile(np.linspace(0, 65535, WIDTH).astype(np.uint16), (HEIGHT, 1))
    samples = np.dstack([grey().astype(np.uint16) * 257, alpha])
    return ValidFile(write_png(samples), over_white(from_grey(grey()), alpha / 65535), "png")


def keyed() -> ValidFile:
    """One colour stands for transparent."""
    corner = tuple(int(level) for level in drawing()[0, 0])
    data = write_png(drawing(), [chunk(b"tRNS", b"".join(level.to_bytes(2) for level in corner))])
    opaque = (drawing() != np.array(corner)).any(axis=2)
    return ValidFile(data, over_white(drawing().astype(float), opaque.astype(float)), "png")


def inks_tiff() -> ValidFile:
    """A printer's TIFF."""
    inks = np.dstack([255 - drawing(), np.full((HEIGHT, WIDTH), 25, np.uint8)])
    came = inks.astype(float) / 255
    return ValidFile(write_tiff(inks, 5), 255 * (1 - came[:, :, :3]) * (1 - came[:, :, 3:]), "tif")


MORE_KINDS: Mapping[str, Callable[[], ValidFile]] = {
    "Display P3": display_p3,
    "linear grey": linear_grey,
    "TIFF of 16 bits, turned": sixteen_bit_tiff,
    "grey of 16 bits": sixteen_bit_grey,
    "grey and alpha of 16 bits": sixteen_bit_alpha,
    "one colour transparent": keyed,
    "CMYK TIFF": inks_tiff,
    "palette TIFF": lambda: ValidFile(
        save(Image.fromarray(drawing()).quantize(200), "TIFF", compression="packbits"),
        np.asarray(Image.fromarray(drawing()).quantize(200).convert("RGB")).astype(float),
        "tif",
    ),
    "fax TIFF": lambda: ValidFile(
        save(Image.fromarray(grey()).convert("1"), "TIFF", compression="group4"),
        from_grey(np.asarray(Image.fromarray(grey()).convert("1")) * 255.0),
        "tif",
    ),
    "JPEG in TIFF": lambda: lossy("TIFF", "tif", compression="jpeg"),
    "grey JPEG": lambda: ValidFile(data := save(Image.fromarray(grey()), "JPEG", quality=90), bare(data), "jpg"),
    "JPEG 4:1:1": lambda: lossy("JPEG", "jpg", quality=90, subsampling="4:1:1"),
    "AVIF": lambda: lossy("AVIF", "avif", quality=80),
}
"""What the world sends besides."""
