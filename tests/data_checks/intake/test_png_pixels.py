"""PNG pixels: those that Pillow opens, and all rows of them."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.intake_kinds import save
from data_checks.intake.formats.png import read_png_header
from data_checks.intake.png_pixels import decode_plain
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_small_png_has_the_pixels_that_pillow_opens(mode: str) -> None:
    random = np.random.default_rng(0)
    noise, slope = random.integers(0, 256, (40, 40, 4)), np.indices((40, 40)).sum(0)[..., np.newaxis] * np.arange(1, 5)
    channels = slice(None, len(mode)) if mode != "L" else 0
    data = save(Image.fromarray(np.where(slope < 90, slope, noise).astype(np.uint8)[..., channels]), "PNG")
    decoded = decode_plain(read_png_header(data))
    assert decoded is not None and decoded.mode == mode
    assert np.array_equal(np.asarray(decoded), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("name", FOUND_BY["png_pixels"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)
