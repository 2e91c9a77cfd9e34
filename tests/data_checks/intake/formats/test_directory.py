"""A directory of a TIFF file or of EXIF, whatever its fields claim."""

from benchmarks.intake_kinds import drawing
from benchmarks.png_writer import chunk, write_png
from tests.data_checks.intake.judging import said
from vae_core.images.preprocessing import Preprocessing


def test_a_field_of_exif_that_lies_outside_of_it_is_no_orientation() -> None:
    exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\0\0\0\x7f" + bytes(4)
    same = Preprocessing(channels=3, height=48, width=64)
    assert said(write_png(drawing(), [chunk(b"eXIf", exif)]), same).conversions == ()
