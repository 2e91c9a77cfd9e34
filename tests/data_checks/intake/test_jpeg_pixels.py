"""JPEG pixels: reduced while they are decoded, and refused where some were made up."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.float_resampling import fit_float
from benchmarks.intake_kinds import drawing, save
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.intake.judging import BOX, LEVEL, away, judge, said


def test_a_large_jpeg_is_reduced_while_decoding_and_stays_near_the_float64_fit() -> None:
    large = np.asarray(Image.fromarray(drawing()).resize((640, 480), Image.Resampling.BICUBIC))
    data = save(Image.fromarray(large), "JPEG", quality=95)
    judged = said(data)
    assert judged.conversions == ("decoded at 1/8", "padded from 640x480")
    assert away(judge(data, BOX), fit_float(large.astype(float), 24, 28, "pad")) <= LEVEL


@pytest.mark.parametrize("name", FOUND_BY["jpeg_pixels"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)
