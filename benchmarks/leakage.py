"""Copies of benchmark images: how many are recognised, and how many clean images are taken for copies.

Each image of a benchmark is re-encoded, brightened and resized; the rest of the catalogue is clean. A clean image that
shows the same picture (fewer than 2 % of its pixels differ by more than a quarter of the range) is a twin by nature,
counted apart.

    python -m benchmarks.leakage --data FOLDER [--pictures FOLDER] [--quick] [--json FILE]
"""

from __future__ import annotations

import io
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.command import find_images, make_parser, measure_and_publish
from benchmarks.form import Result
from benchmarks.idx_images import DataMissing
from benchmarks.stopwatch import one_thread
from data_checks.near_duplicates.fingerprint import take_fingerprints
from data_checks.near_duplicates.look_alikes import find_copies

SIDE = 64
HELD_OUT = 5_000
PROBED = 1_000
FEWEST_PICTURES = 500
SAME_PICTURE_SHARE = 0.02
LARGE_DIFFERENCE = 64

Copy = Callable[[np.ndarray], np.ndarray]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("leakage", __doc__, "a fifth of the images")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="a folder of colour pictures, such as clip art")
    asked = parser.parse_args(arguments)
    return measure_and_publish("leakage", lambda: list(_measure(asked)), asked.json)


def _measure(asked: Namespace) -> Iterator[Result]:
    train, _ = find_images(asked.data)
    catalogues = {"fashion_mnist": train}
    if asked.pictures is not None:
        catalogues["pictures"] = read_pictures(asked.pictures)
    for name, images in catalogues.items():
        distinct = np.sort(np.unique(images.reshape(len(images), -1), axis=0, return_index=True)[1])
        images = images[distinct[: len(distinct) // 5] if asked.quick else distinct]
        with one_thread():
            yield from measure_catalogue(name, images)


def measure_catalogue(name: str, images: np.ndarray) -> Iterator[Result]:
    """Found shares by kind of copy, the false share and CPU seconds, of distinct images (N, C, H, W)."""
    order = np.random.default_rng(0).permutation(len(images))
    held, clean = np.split(images[order], [min(HELD_OUT, len(images) // 5)])
    begun = time.process_time()
    known, others = take_fingerprints(held), take_fingerprints(clean)
    taken = time.process_time() - begun
    begun = time.process_time()
    found = find_copies(known, others)
    searched = time.process_time() - begun
    flagged = np.flatnonzero(found >= 0)
    alike = np.array([same_picture(clean[row], held[found[row]]) for row in flagged], dtype=bool)
    false = int((~alike).sum())
    yield Result.of(f"{name}_false_share", false / len(clean), "share", limit=0.01, n=len(clean))
    yield Result.of(f"{name}_false_share_high", upper_bound(false, len(clean)), "share, 97.5 % bound", n=len(clean))
    yield Result.of(f"{name}_twins_by_nature", float(alike.sum()) / len(clean), "share", n=len(clean))
    for kind, (copy, bar) in KINDS.items():
        copies = take_fingerprints(np.stack([copy(each) for each in held[:PROBED]]))
        missed = int((find_copies(known, copies) < 0).sum())
        share, low = 1 - missed / len(copies), 1 - upper_bound(missed, len(copies))
        yield Result.of(f"{name}_found_{kind}", share, "share", limit=bar, direction="higher", n=len(copies))
        yield Result.of(f"{name}_found_{kind}_low", low, "share, 97.5 % bound", direction="higher", n=len(copies))
    yield Result.of(f"{name}_fingerprint_s", taken, "CPU s", n=len(images))
    yield Result.of(f"{name}_search_s", searched, "CPU s", n=len(clean))


def upper_bound(hits: int, n: int) -> float:
    """Of a share of which `hits` of n were seen (Clopper and Pearson 1934), one-sided at 97.5 %."""
    from scipy.special import betaincinv

    return 1.0 if hits >= n else float(betaincinv(hits + 1, n - hits, 0.975))


def same_picture(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether hardly a pixel of two images (C, H, W) differs visibly."""
    apart = np.abs(one.astype(np.int16) - other).max(axis=0) > LARGE_DIFFERENCE
    return float(apart.mean()) <= SAME_PICTURE_SHARE


def read_pictures(folder: Path) -> np.ndarray:
    """Every PNG below as 64 px of colour on white, padded: uint8 (N, 3, 64, 64); DataMissing where there are few."""
    found = []
    for path in sorted(folder.rglob("*.png")):
        try:
            with Image.open(path) as opened:
                found.append(_fit(opened.convert("RGBA")))
        except (OSError, ValueError, Image.DecompressionBombError):
            continue
    if len(found) < FEWEST_PICTURES:
        raise DataMissing(
            f"{folder}: {len(found)} PNG pictures, at least {FEWEST_PICTURES} needed; point --pictures at more"
        )
    return np.stack(found)


def _fit(picture: Image.Image) -> np.ndarray:
    picture.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC)
    ground = Image.new("RGBA", (SIDE, SIDE), "white")
    ground.alpha_composite(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    return np.asarray(ground.convert("RGB")).transpose(2, 0, 1)


def _by_image(change: Callable[[Image.Image], Image.Image]) -> Copy:
    def copy(pixels: np.ndarray) -> np.ndarray:
        image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
        changed = np.asarray(change(image))
        return changed[None] if changed.ndim == 2 else changed.transpose(2, 0, 1)

    return copy


def _jpeg(quality: int) -> Copy:
    def change(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer)

    return _by_image(change)


def _resized(factor: float, way: Image.Resampling) -> Copy:
    def change(image: Image.Image) -> Image.Image:
        other = image.resize((round(image.width * factor), round(image.height * factor)), way)
        return other.resize(image.size, Image.Resampling.BICUBIC)

    return _by_image(change)


def _brighter(pixels: np.ndarray) -> np.ndarray:
    return np.minimum(255, np.rint(pixels * 1.05)).astype(np.uint8)


KINDS: dict[str, tuple[Copy, float]] = {
    "jpeg_75": (_jpeg(75), 0.99),
    "jpeg_90": (_jpeg(90), 0.99),
    "brighter_5": (_brighter, 0.99),
    "half_bicubic": (_resized(0.5, Image.Resampling.BICUBIC), 0.95),
    "half_bilinear": (_resized(0.5, Image.Resampling.BILINEAR), 0.95),
    "three_quarters": (_resized(0.75, Image.Resampling.LANCZOS), 0.95),
    "one_and_a_half": (_resized(1.5, Image.Resampling.BICUBIC), 0.95),
    "twice_nearest": (_resized(2.0, Image.Resampling.NEAREST), 0.95),
}


if __name__ == "__main__":
    sys.exit(main())
