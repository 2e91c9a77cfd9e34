"""Every kind of file that the world sends, by a second route in numpy."""

import numpy as np
import pytest

from benchmarks.float_resampling import fit_float
from benchmarks.intake_bad import hostile_metadata, opens_with_pillow
from benchmarks.intake_kinds import ValidFile, drawing
from benchmarks.png_writer import write_png
from tests.data_checks.intake.judging import KINDS, LEVEL, away, judge, said
from vae_core.images.fit import Fit
from vae_core.images.preprocessing import Preprocessing


@pytest.fixture(scope="module", params=KINDS, ids=str)
def file(request: pytest.FixtureRequest) -> ValidFile:
    return KINDS[request.param]()


def test_each_kind_has_the_pixels_that_it_stands_for(file: ValidFile) -> None:
    height, width = file.expected.shape[:2]
    if min(height, width) < 4:
        return  # smaller than any image that a model sees: its fit is compared below
    same = Preprocessing(channels=3, height=height, width=width)
    assert away(judge(file.data, same), file.expected) <= LEVEL


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
def test_each_kind_is_fitted_as_float64_resampling_does_it(file: ValidFile, fit: str) -> None:
    box = Preprocessing(channels=3, height=24, width=28, fit=fit)  # type: ignore[arg-type]
    assert away(judge(file.data, box), fit_float(file.expected, 24, 28, fit)) <= LEVEL


def test_each_kind_is_made_grey_by_its_luma(file: ValidFile) -> None:
    luma = file.expected @ np.array([0.299, 0.587, 0.114])
    expected = fit_float(luma[:, :, np.newaxis], 24, 28, "stretch")
    assert away(judge(file.data, Preprocessing(height=24, width=28, fit="stretch")), expected) <= LEVEL


@pytest.mark.parametrize(
    ("kind", "conversions"),
    [
        ("orientation 6", ("EXIF orientation 6 applied", "padded from 48x64")),
        ("16 bits", ("16 bit linear to 8", "padded from 64x48")),
        ("CMYK with its profile", ("CMYK to RGB by its colour profile", "padded from 64x64")),
        ("CMYK without a profile", ("CMYK to RGB", "padded from 64x48")),
        ("palette with transparency", ("palette to RGB", "transparency over #ffffff", "padded from 64x48")),
        ("LA", ("transparency over #ffffff", "grey to colour", "padded from 64x48")),
        ("1 bit", ("1 bit to 8", "grey to colour", "padded from 64x48")),
        ("Display P3", ("colour profile to sRGB", "padded from 64x48")),
    ],
)
def test_what_was_done_is_told_in_order(kind: str, conversions: tuple[str, ...]) -> None:
    assert said(KINDS[kind]().data).conversions == conversions


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize(
    ("height", "width", "resized"),
    [(24, 32, True), (12, 16, True), (96, 128, True), (24, 28, False), (32, 32, False), (64, 48, False)],
)
def test_a_picture_of_the_wanted_proportions_is_resized_and_nothing_else(
    fit: Fit, height: int, width: int, resized: bool
) -> None:
    """The picture is 64x48: said of squares in a square, `padded` sent somebody looking for bars."""
    form = Preprocessing(channels=3, height=height, width=width, fit=fit)
    other = {"pad": "padded", "crop": "cropped", "stretch": "stretched"}[fit]
    assert said(write_png(drawing()), form).conversions == (f"{'resized' if resized else other} from 64x48",)


def test_a_picture_that_comes_as_it_is_used_is_not_converted() -> None:
    same = Preprocessing(channels=3, height=48, width=64)
    assert said(write_png(drawing()), same).conversions == ()


def test_metadata_that_unpacks_to_megabytes_changes_nothing() -> None:
    data = hostile_metadata()
    assert not opens_with_pillow(data)
    same = Preprocessing(channels=3, height=48, width=64)
    assert away(judge(data, same), drawing().astype(float)) == 0
