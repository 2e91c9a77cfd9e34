"""Sixteen bits a channel as eight."""

import numpy as np

from benchmarks.intake_kinds import grey
from benchmarks.png_writer import write_png
from tests.data_checks.intake.judging import away, judge
from vae_core.images.preprocessing import Preprocessing


def test_sixteen_bits_can_be_read_by_the_range_of_the_file() -> None:
    samples = (grey().astype(np.uint16) * 4 + 300)[:, :, np.newaxis]
    spread = Preprocessing(height=48, width=64, sixteen_bit="range")
    low, high = int(samples.min()), int(samples.max())
    assert away(judge(write_png(samples), spread), (samples - low) * (255 / (high - low))) <= 0.5
    assert judge(write_png(samples), Preprocessing(height=48, width=64)).max() <= 6
