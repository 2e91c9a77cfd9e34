"""New pictures whose colours are not the catalogue's are counted and said, and nothing is refused for them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from deploy.record.intake import ColourCounts, IngestCounts
from latentloop.ingesting.folder_counts import FolderCounts
from latentloop.ingesting.words import say_counts
from tests.tasks.arrivals import capture, ingest
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened


def portrait(seed: int, *, swapped: bool = False) -> bytes:
    """A file of warm shades, as portraits have them; red and blue swapped as a wrong decoder would."""
    random = np.random.default_rng(seed)
    light = random.integers(90, 250, (28, 28, 1))
    pixels = (light * random.uniform([0.9, 0.6, 0.35], [1.0, 0.75, 0.55])).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[..., ::-1] if swapped else pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def colour(configure: Configure) -> None:
    configure("[preprocessing]\nchannels = 3\n")


def arrive(seeds: range, source: str, *, swapped: bool = False) -> ColourCounts:
    """What the ledger says of one segment's colours; every picture of it is accepted."""
    segment = capture([portrait(seed, swapped=swapped) for seed in seeds], source)
    ingest()
    (line,) = opened().ledger.entries("ingest", segment)
    counts = IngestCounts.model_validate_json(line.body)
    assert counts.accepted + counts.converted == len(seeds)
    return counts.colours


@pytest.mark.usefixtures("colour")
def test_swapped_channels_are_said_and_ordinary_pictures_are_not() -> None:
    assert arrive(range(300), "first") == ColourCounts(), "there is nothing yet to compare with"
    ordinary = arrive(range(1_000, 1_100), "second")
    assert ordinary.compared == 100 and not ordinary.unlike
    swapped = arrive(range(2_000, 2_040), "third", swapped=True)
    assert swapped.unlike and swapped.odd == 40 and swapped.named == tuple(f"third/{n:03d}.png" for n in range(3))
    again = arrive(range(3_000, 3_040), "fourth", swapped=True)
    assert again.odd == 40, "what is unlike does not join the reference"

    counts = FolderCounts(segments=1, received=40, accepted=40, converted=0, quarantined=0, reasons={}, colours=swapped)
    (line,) = [each for each in say_counts(counts, None) if each.startswith("colours: ")]
    assert line.startswith("colours: 40 of 40 pictures are coloured as hardly any of the") and "third/000.png" in line


def test_a_grey_catalogue_is_not_asked(configure: Configure) -> None:
    assert opened().settings.preprocessing.channels == 1
    assert arrive(range(30), "first") == ColourCounts() == arrive(range(30, 60), "second")


@pytest.mark.parametrize(("odd", "unlike"), [(2, False), (3, True), (40, True)])
def test_unlike_is_more_than_chance(odd: int, unlike: bool) -> None:
    """Expected .02 of 20: three are P = 1.3e-6; expected 1 of 1,000: eight are 1e-5, and six are not enough."""
    assert ColourCounts(compared=20, odd=odd, expected=0.02).unlike is unlike
    assert not ColourCounts(compared=1_000, odd=6, expected=1.0).unlike
    assert ColourCounts(compared=1_000, odd=8, expected=1.0).unlike
