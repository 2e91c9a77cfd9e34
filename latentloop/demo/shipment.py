"""The shipment of the first chapter: real images as files of many suppliers, a known share of them damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentloop.demo.damage import DAMAGES, encode_png

SUPPLIERS = 24
DAMAGED_SHARE = 0.03
DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Shipment:
    """What was written: files in all, and the damaged ones by kind; `paths` names each damaged file's kind.

    `told`: whose files they are.
    """

    files: int
    damaged: Counter[str]
    paths: dict[str, str]
    told: str


def write_shipment(
    images: np.ndarray, folder: Path, random: np.random.Generator, say: Callable[[str], None]
) -> Shipment:
    """Write uint8 images (N, 28, 28) as PNG files `supplier-NN/IMAGE.png`, 3 % of them damaged in nine ways.

    A duplicate repeats the bytes of an intact image, so exactly one of the two is damage.
    """
    kinds = [*DAMAGES, DUPLICATE]
    chosen = random.choice(len(images), round(len(images) * DAMAGED_SHARE), replace=False)
    kind_of = {int(position): kinds[turn % len(kinds)] for turn, position in enumerate(chosen)}
    intact = np.setdiff1d(np.arange(len(images)), chosen)
    copied = iter(random.choice(intact, len(chosen), replace=False))
    paths: dict[str, str] = {}
    for number in range(SUPPLIERS):
        (folder / f"supplier-{number:02d}").mkdir(parents=True)
    for position, pixels in enumerate(images):
        name = f"supplier-{position % SUPPLIERS:02d}/{position:05d}.png"
        kind = kind_of.get(position)
        if kind is None:
            content = encode_png(pixels)
        elif kind == DUPLICATE:
            content = encode_png(images[next(copied)])
        else:
            content = DAMAGES[kind](pixels, random)
        if kind is not None:
            paths[name] = kind
        (folder / name).write_bytes(content)
        if position % 12_000 == 11_999:
            say(f"{position + 1:,} files written")
    return Shipment(files=len(images), damaged=Counter(paths.values()), paths=paths, told="24 suppliers, 8 classes")
