"""Golden files: a decoder that makes other pixels is found."""

from pathlib import Path

import numpy as np

import data_checks.intake
from data_checks.input_validation import judge_image_bytes
from data_checks.intake.decoders import Decoders
from data_checks.intake.formats.signatures import recognise
from data_checks.intake.golden import FOLDER, find_changed_pixels, tell_changed_pixels
from tests.data_checks.intake import make_golden
from tests.data_checks.intake.judging import POLICY
from vae_core.images.preprocessing import Preprocessing, pixel_digest


def test_these_decoders_make_the_pixels_that_were_agreed_on() -> None:
    assert find_changed_pixels() == [] and tell_changed_pixels() == ""


def digest_of_darker_jpegs(data: bytes, preprocessing: Preprocessing) -> str:
    """As decoders of this process have it, but that every JPEG comes out a level darker."""
    judged = judge_image_bytes(data, preprocessing, POLICY)
    assert judged.pixels is not None
    darker = np.maximum(judged.pixels, 1) - 1 if recognise(data) == "JPEG" else judged.pixels
    return pixel_digest(darker.astype(np.uint8))


def test_a_decoder_that_makes_other_pixels_is_found_by_the_files_of_its_kind() -> None:
    assert set(find_changed_pixels(digest_of_darker_jpegs)) == {
        "inks.jpg", "progressive.jpg", "quarters.jpg", "reduced.jpg", "turned.jpg",
    }  # fmt: skip
    told = tell_changed_pixels(digest_of_darker_jpegs)
    assert "quarters.jpg" in told and f"pillow {Decoders.now().pillow}" in told and "constraints.txt" in told


def test_the_golden_files_are_few_kilobytes_and_all_listed() -> None:
    stored = {path.name: path for path in (Path(data_checks.intake.__file__).parent / FOLDER).iterdir()}
    assert set(stored) == {
        *make_golden.TAKEN,
        "reduced.jpg",
        "wide.png",
        "deep.png",
        "lzw.tif",
        "plain.bmp",
        "golden.json",
    }
    assert sum(path.stat().st_size for path in stored.values()) < 30_000
