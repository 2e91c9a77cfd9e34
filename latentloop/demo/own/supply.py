"""Somebody's own pictures as a story's supply: his files in the shipment, their pixels in the traffic, nothing twice.

Requests carry PNG files of the converted pixels, as a client sends that resizes before it uploads: what the answer
takes is then the service's time and not that of decoding photographs. The originals go through the whole intake in
the shipment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_checks.policy import InputPolicy
from latentloop.demo.damage import DAMAGES, Damage, encode_png
from latentloop.demo.own.pictures import Pictures
from latentloop.demo.own.season import Season
from latentloop.demo.shipment import DAMAGED_SHARE, DUPLICATE, Shipment
from latentloop.demo.supply import BLACK_SHARE, Shot
from latentloop.init.looking.look import EVERYTHING
from latentloop.runs.progress import Say
from latentloop.sources.found import Content, Found
from vae_core.images.fit import Fit
from vae_core.images.preprocessing import pixel_digest

MOST_NEW_SHARE = 0.4
"""Of the season's requests: a new kind in more than half of the traffic is for the full tier."""
HUGE_PIXELS = 60_000_000


class OwnSupply:
    """See `Supply`."""

    def __init__(
        self, pictures: Pictures, season: Season, policy: InputPolicy, fit: Fit, *, ordinary: int, seed: int
    ) -> None:
        self._pictures, self._damages = pictures, fitting_damages(policy, fit)
        self.random = np.random.default_rng(seed)
        self.kinds: dict[str, str] = {}
        self._sent = 0
        new = self.random.permutation(season.rows)
        kept_out = np.concatenate([season.rows, season.alike])
        known = self.random.permutation(np.setdiff1d(np.arange(len(pictures)), kept_out))
        # what the thresholds refuse is shipped, where it counts as a good one that is lost; no request carries it
        refused, known = known[~pictures.served[known]], known[pictures.served[known]]
        new = new[pictures.served[new]]
        self._measured_new, new = new[: len(new) // 12], new[len(new) // 12 :]
        measured, sent = len(known) // 16, min(ordinary, len(known) * 3 // 20)
        again = min(2 * len(new), len(known) // 4)
        parts = np.split(known, np.cumsum([measured, sent, again]))
        self._measured_known, self._ordinary, season_known = parts[0], parts[1], parts[2]
        self._intact, self.shipped = parts[3], np.concatenate([parts[3], refused])
        self._season_new, self._season_known = cycle(new), cycle(season_known)
        self.new_share = min(MOST_NEW_SHARE, len(new) / (len(new) + len(season_known)))
        self.most_season: int | None = ceil(1.1 * len(new) / self.new_share)

    def ship(self, folder: Path, say: Say) -> Shipment:
        """His files under their own names, and beside them damaged ones made of his pictures."""
        found = [*(self._pictures.found[row] for row in self.shipped), *self._pictures.misjudged]
        for number, each in enumerate(found, start=1):
            _write(folder / each.path, self._read(each))
            if number % 2_000 == 0:
                say(f"{number:,} files written")
        paths = dict(self._damage(folder, ceil(DAMAGED_SHARE * len(found))))
        return Shipment(len(found) + len(paths), Counter(paths.values()), paths, "under their own names")

    def ordinary(self) -> Iterator[Shot]:
        """See `Supply.ordinary`."""
        for number, row in enumerate(self._ordinary, start=1):
            yield self._shot("old", int(row))
            if number % 200 == 0:
                yield self._black()

    def season(self) -> Iterator[Shot]:
        """See `Supply.season`; where it has sent everything it begins again."""
        while True:
            draw = self.random.random()
            if draw < BLACK_SHARE:
                yield self._black()
            elif draw < BLACK_SHARE + self.new_share:
                yield self._shot("new", int(next(self._season_new)))
            else:
                yield self._shot("old", int(next(self._season_known)))

    def measurement(self, count: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """See `Supply.measurement`."""
        share = self.new_share / (1 - BLACK_SHARE)
        n_new = min(len(self._measured_new), round(share * count))
        n_known = min(len(self._measured_known), round(n_new * (1 - share) / share))
        rows = np.concatenate([self._measured_new[:n_new], self._measured_known[:n_known]])
        is_new = np.arange(len(rows)) < n_new
        order = np.random.default_rng(0).permutation(len(rows))
        return self._pictures.pixels[rows[order]], is_new[order]

    def _damage(self, folder: Path, count: int) -> Iterator[tuple[str, str]]:
        """Write so many damaged files beside the others; yields the path and the kind of each."""
        kinds = [*self._damages, DUPLICATE]
        for number, row in enumerate(self.random.choice(self._intact, count, replace=False)):
            kind, beside = kinds[number % len(kinds)], self._pictures.found[row]
            if kind == DUPLICATE:
                data = self._read(beside)
            else:
                data = self._damages[kind](self._picture(int(row)), self.random)
            path = f"{beside.path.rpartition('/')[0]}/damaged-{number:04d}.png".lstrip("/")
            _write(folder / path, data)
            yield path, kind

    def _read(self, found: Found) -> bytes:
        outcome = self._pictures.source.read(found, EVERYTHING.max_bytes)
        return outcome.data if isinstance(outcome, Content) else b""

    def _picture(self, row: int) -> NDArray[np.uint8]:
        """As image programs lay it out: (H, W), or (H, W, 3)."""
        pixels = self._pictures.pixels[row]
        return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))

    def _black(self) -> Shot:
        self._sent += 1
        pixels = self._picture(0)
        return Shot(f"demo-{self._sent:06d}", "black", DAMAGES["black"](pixels, self.random), pixels)

    def _shot(self, kind: str, row: int) -> Shot:
        self._sent += 1
        pixels = self._picture(row)
        self.kinds[pixel_digest(self._pictures.pixels[row])] = kind
        return Shot(f"demo-{self._sent:06d}", kind, encode_png(pixels), pixels)


def fitting_damages(policy: InputPolicy, fit: Fit) -> dict[str, Damage]:
    """Those that are damage here: where other sizes are fitted, or large pictures wanted, they are none."""
    none = {"wrong size"} if fit != "refuse" else set[str]()
    if policy.max_pixels >= HUGE_PIXELS:
        none.add("sixty megapixels")
    return {name: damage for name, damage in DAMAGES.items() if name not in none}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
