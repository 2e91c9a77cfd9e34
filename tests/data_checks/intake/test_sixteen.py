"""Sixteen bits a channel as eight."""

import numpy as np

from benchmarks.intake_kinds import grey
from benchmarks.png_writer import write_png
from data_checks.intake.sixteen import to_eight
from tests.data_checks.intake.judging import away, judge
from vae_core.images.preprocessing import Preprocessing


def test_sixteen_bits_can_be_read_by_the_range_of_the_file() -> None:
    samples = (grey().astype(np.uint16) * 4 + 300)[:, :, np.newaxis]
    spread = Preprocessing(height=48, width=64, sixteen_bit="range")
    low, high = int(samples.min()), int(samples.max())
    assert away(judge(write_png(samples), spread), (samples - low) * (255 / (high - low))) <= 0.5
    assert judge(write_png(samples), Preprocessing(height=48, width=64)).max() <= 6


def test_over_the_whole_scale_every_sample_is_divided_by_257_and_rounded() -> None:
    samples = np.arange(2**16, dtype=np.uint16)
    # 257 is odd, so that no quotient lies between two levels
    np.testing.assert_array_equal(to_eight(samples), np.rint(samples / 257).astype(np.uint8))


def test_a_range_of_its_own_goes_from_black_to_white() -> None:
    assert to_eight(np.array([300, 810, 1320], np.uint16), 300, 1320).tolist() == [0, 128, 255]
