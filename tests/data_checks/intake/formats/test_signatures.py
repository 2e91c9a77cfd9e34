"""Which kind of file it is, by its first bytes."""

import io

import pytest
from PIL import Image

from data_checks.intake.formats.signatures import name_content, recognise
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.intake.judging import KINDS


@pytest.mark.parametrize("name", FOUND_BY["formats.signatures"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_of_the_format_that_pillow_opens_it_as(kind: str) -> None:
    data = KINDS[kind]().data
    with Image.open(io.BytesIO(data)) as image:
        assert recognise(data) == image.format


@pytest.mark.parametrize(
    ("data", "came", "advice"),
    [
        (b"%PDF-1.7", "a PDF", "save its pictures as PNG or JPEG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photograph", "on an iPhone: Settings, Camera, Formats"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC photograph", "export it as JPEG"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "a film (MP4)", "save a frame of it"),
        (b"MM\0+\0\x08\0\0", "a BigTIFF", "save it as TIFF or PNG"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a sound or a film (RIFF)", "convert it before upload"),
        (b"\x1f\x8b\x08\0", "a gzip file", "unpack it"),
        (b"\x93NUMPY\1\0", "a NumPy array file", "application/x-npy"),
        (b"<svg xmlns=", "an SVG drawing", "draw it at the wanted size"),
        (b"<!DOCTYPE html>", "HTML or XML", "convert it before upload"),
        (b"id,label\n", "a file that begins with b'id,label'", "convert it before upload"),
        (b"II", "a file that begins with b'II'", "convert it before upload"),
    ],
)
def test_what_is_no_picture_is_named_with_the_way_out(data: bytes, came: str, advice: str) -> None:
    assert recognise(data) is None
    named, way_out = name_content(data)
    assert named == came and advice in way_out
