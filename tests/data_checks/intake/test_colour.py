"""Colour profiles: applied where they say something, ignored and said so where they do not."""

import pytest

from benchmarks.icc_profiles import make_grey_profile
from benchmarks.intake_kinds import drawing
from benchmarks.png_writer import profile_chunk, write_png
from tests.data_checks.intake.judging import away, judge, said
from vae_core.images.preprocessing import Preprocessing


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        (b"no profile at all", "colour profile ignored: it is broken"),
        (bytes(5 * 2**20), "colour profile ignored: it is broken"),
        (b"", "colour profile ignored: it is broken"),
    ],
    ids=["noise", "too large", "empty"],
)
def test_a_broken_profile_is_ignored_and_said_so(profile: bytes, told: str) -> None:
    same = Preprocessing(channels=3, height=48, width=64)
    judged = said(write_png(drawing(), [profile_chunk(profile)]), same)
    assert judged.conversions == (told,)
    assert away(judge(write_png(drawing(), [profile_chunk(profile)]), same), drawing().astype(float)) == 0


def test_a_profile_of_other_channels_is_ignored_and_said_so() -> None:
    judged = said(write_png(drawing(), [profile_chunk(make_grey_profile())]))
    assert judged.conversions[0] == "colour profile ignored: of GRAY on a picture of RGB"
