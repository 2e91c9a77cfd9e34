"""What a file says about itself."""

from benchmarks.intake_kinds import oriented
from tests.data_checks.intake.judging import said
from vae_core.images.preprocessing import Preprocessing


def test_a_rotated_picture_is_measured_as_it_is_looked_at() -> None:
    upright = Preprocessing(channels=3, height=64, width=48)
    assert said(oriented(6).data, upright).accepted
    assert "came 48x64 RGB" in said(oriented(6).data, Preprocessing(channels=3, height=48, width=64)).detail
