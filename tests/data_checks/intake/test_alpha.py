"""A picture with transparency shows the background that was stated."""

import numpy as np

from benchmarks.intake_kinds import drawing
from benchmarks.png_writer import write_png
from tests.data_checks.intake.judging import judge
from vae_core.images.preprocessing import Preprocessing


def test_transparency_shows_the_stated_background_and_padding_the_stated_colour() -> None:
    clear = write_png(np.dstack([drawing(), np.zeros((48, 64), np.uint8)]))
    box = Preprocessing(channels=3, height=64, width=64, fit="pad", background="#102030", padding="#ff0000")
    pixels = judge(clear, box)
    assert (pixels[32] == (16, 32, 48)).all() and (pixels[2] == (255, 0, 0)).all()
