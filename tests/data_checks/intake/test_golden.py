from pathlib import Path

import pytest
from PIL import Image

import data_checks.intake
from data_checks.intake import decode
from data_checks.intake.decoders import Decoders
from data_checks.intake.golden import FOLDER, find_changed_pixels, tell_changed_pixels
from tests.data_checks.intake import make_golden


def test_these_decoders_make_the_pixels_that_were_agreed_on() -> None:
    assert find_changed_pixels() == [] and tell_changed_pixels() == ""


def test_a_decoder_that_makes_other_pixels_is_found_by_the_files_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        decode,
        "decode_jpeg",
        lambda header, scale: Image.new("RGB", (-(-header.width // scale), -(-header.height // scale))),
    )
    assert set(find_changed_pixels()) == {
        "inks.jpg", "progressive.jpg", "quarters.jpg", "reduced.jpg", "turned.jpg",
    }  # fmt: skip
    told = tell_changed_pixels()
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


def test_the_decoders_of_this_process_are_told_and_kept_as_a_document() -> None:
    now = Decoders.now()
    assert now.pillow and now.simplejpeg and now.libjpeg_turbo
    assert Decoders.model_validate_json(now.model_dump_json()) == now
