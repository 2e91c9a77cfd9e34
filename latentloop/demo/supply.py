"""Where a story's images come from; here Fashion-MNIST, cut into a shipment, ordinary traffic and a season.

Nothing is sent twice that should be new, and the data set's test files are never sent: the last chapter measures on
them. `own_supply` is the other maker: somebody's own pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Protocol

import numpy as np

from latentloop.demo.damage import DAMAGES, encode_png
from latentloop.demo.shipment import Shipment, write_shipment
from latentloop.fashion_mnist import FashionMnist
from latentloop.runs.progress import Say
from vae_core.images.preprocessing import pixel_digest

NEW_KINDS = (5, 8)  # sandal and bag arrive in a later season
NEW_SHARE = 0.17
BLACK_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Shot:
    """One image as a client sends it; `kind` is what the demo knows and the product does not."""

    id: str
    kind: str
    data: bytes
    pixels: np.ndarray


class Supply(Protocol):
    """All images of a story, in an order that a seed fixes; `kinds` tells the kind of each image sent, by digest.

    `most_season`: requests of the season after which nobody waits for the product to notice, and the demo asks for the
    emergency itself; None: it must notice.
    """

    kinds: dict[str, str]
    most_season: int | None

    def ship(self, folder: Path, say: Say) -> Shipment:
        """Write the shipment's files below a folder, a known share of them damaged."""
        ...

    def ordinary(self) -> Iterator[Shot]:
        """Images of the kinds that the first model knows; one in 200 comes from a covered lens, which is usual."""
        ...

    def season(self) -> Iterator[Shot]:
        """Without end: new kinds, black frames, and what was known before."""
        ...

    def measurement(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Images of the season's mix that are never sent: uint8 (N, C, H, W), N <= count; which are new, bool (N,)."""
        ...


class FashionSupply:
    """See `Supply`: all kinds but two are shipped, sandals and bags arrive later."""

    most_season: int | None = None

    def __init__(self, data: FashionMnist, *, shipment: int, ordinary: int, seed: int) -> None:
        self._data = data
        self.random = np.random.default_rng(seed)
        known = self.random.permutation(np.flatnonzero(~np.isin(data.train_labels, NEW_KINDS)))
        new = self.random.permutation(np.flatnonzero(np.isin(data.train_labels, NEW_KINDS)))
        self.shipment = data.train_images[known[:shipment]]
        self._ordinary = known[shipment : shipment + ordinary]
        # the season is long: where it has sent everything it begins again, as customers do
        self._season_known, self._season_new = cycle(known[shipment + ordinary :]), cycle(new)
        self._sent = 0
        self.kinds: dict[str, str] = {}

    def ship(self, folder: Path, say: Say) -> Shipment:
        """24 suppliers send PNG files."""
        return write_shipment(self.shipment, folder, self.random, say)

    def ordinary(self) -> Iterator[Shot]:
        """See `Supply.ordinary`."""
        for number, row in enumerate(self._ordinary, start=1):
            yield self._shot("old", self._data.train_images[row])
            if number % 200 == 0:
                yield self._black()

    def season(self) -> Iterator[Shot]:
        """Without end: 17 % sandals and bags, 3 % black frames, and what was sold before."""
        while True:
            draw = self.random.random()
            if draw < BLACK_SHARE:
                yield self._black()
            elif draw < BLACK_SHARE + NEW_SHARE:
                yield self._shot("new", self._data.train_images[next(self._season_new)])
            else:
                yield self._shot("old", self._data.train_images[next(self._season_known)])

    def measurement(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The season's mix from the data set's test files: uint8 (N, 1, 28, 28), and which of them are new (N,)."""
        labels = self._data.test_labels
        share = NEW_SHARE / (1 - BLACK_SHARE)  # of what the gate lets in
        n_new = round(share * count)
        random = np.random.default_rng(0)
        new = random.permutation(np.flatnonzero(np.isin(labels, NEW_KINDS)))[:n_new]
        old = random.permutation(np.flatnonzero(~np.isin(labels, NEW_KINDS)))[: count - n_new]
        rows = random.permutation(np.concatenate([new, old]))
        return self._data.test_images[rows][:, None], np.isin(labels[rows], NEW_KINDS)

    def _black(self) -> Shot:
        pixels = self._data.train_images[0]
        self._sent += 1
        return Shot(f"demo-{self._sent:06d}", "black", DAMAGES["black"](pixels, self.random), pixels)

    def _shot(self, kind: str, pixels: np.ndarray) -> Shot:
        self._sent += 1
        self.kinds[pixel_digest(pixels[None])] = kind
        return Shot(f"demo-{self._sent:06d}", kind, encode_png(pixels), pixels)
