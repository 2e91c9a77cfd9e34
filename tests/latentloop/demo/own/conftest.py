"""One folder of pictures for all that is told of them: read once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentloop.demo.own.pictures import Pictures, read_pictures
from latentloop.demo.own.season import choose_season
from latentloop.demo.own.settings import OWN_FULL
from latentloop.demo.own.supply import OwnSupply
from latentloop.sources.folder import FolderSource
from tests.latentloop.demo.own.three_kinds import FORM_16, KINDS, POLICY, no_features, quiet


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three kinds of small pictures, all different; beside them a copy, a flat one, half a file and a text."""
    top, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(1)
    for kind, count in KINDS.items():
        (top / kind).mkdir()
        for number in range(count):
            pixels = random.integers(0, 256, (4, 4, 3), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
            Image.fromarray(pixels).save(top / kind / f"{number:04d}.png", compress_level=1)
    first = (top / "hats" / "0000.png").read_bytes()
    (top / "hats" / "copy.png").write_bytes(first)
    (top / "hats" / "half.png").write_bytes(first[: len(first) // 2])
    Image.new("RGB", (16, 16), "grey").save(top / "hats" / "flat.png")
    (top / "hats" / "notes.png").write_text("no picture")
    return top


@pytest.fixture(scope="package")
def pictures(folder: Path) -> Pictures:
    return read_pictures(FolderSource(folder), FORM_16, POLICY, 5_000, (), quiet)


@pytest.fixture(scope="package")
def supply(pictures: Pictures) -> OwnSupply:
    season = choose_season(pictures, ("boots",), OWN_FULL, no_features)
    return OwnSupply(pictures, season, POLICY, "pad", ordinary=300, seed=3)
