"""Every kind of file that the world sends, by a second route in numpy; and every kind that must not come in."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.float_resampling import fit_float
from benchmarks.intake_bad import BAD_KINDS, hostile_metadata, opens_with_pillow
from benchmarks.intake_kinds import MORE_KINDS, VALID_KINDS, ValidFile, drawing, grey, oriented, save
from benchmarks.png_writer import chunk, profile_chunk, write_png
from data_checks.input_gate import GateResult, judge_image_bytes, judge_images
from data_checks.intake.formats.png import read_png_header
from data_checks.intake.png_pixels import decode_plain
from data_checks.policy import InputPolicy
from vae_core.images.fit import Fit
from vae_core.images.preprocessing import Preprocessing

KINDS = {**VALID_KINDS, **MORE_KINDS}
POLICY = InputPolicy(min_variance=0, detect_inversion=False)
LEVEL = 1.0  # of 255: what rounding may move a pixel by on the mean
BOX = Preprocessing(channels=3, height=24, width=28, fit="pad")


def judge(data: bytes, preprocessing: Preprocessing) -> np.ndarray:
    judged = judge_image_bytes(data, preprocessing, POLICY)
    assert judged.pixels is not None, judged.detail
    return judged.pixels.transpose(1, 2, 0).astype(float)


def away(pixels: np.ndarray, expected: np.ndarray) -> float:
    assert pixels.shape == expected.shape
    return float(np.abs(pixels - expected).mean())


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


def test_files_that_are_judged_together_get_the_answers_that_each_gets_alone() -> None:
    files = [make().data for make in KINDS.values()] + [make() for make, _ in BAD_KINDS.values()]
    for alone, beside in zip(
        (judge_image_bytes(each, BOX, POLICY) for each in files), judge_images(files, BOX, POLICY), strict=True
    ):
        assert (alone.refusal, alone.detail, alone.conversions) == (beside.refusal, beside.detail, beside.conversions)
        assert np.array_equal(alone.pixels, beside.pixels)  # type: ignore[arg-type]
        if alone.statistics is not None and beside.statistics is not None:
            assert np.array_equal(alone.statistics.histogram, beside.statistics.histogram)
            assert [alone.statistics.mean, alone.statistics.variance, alone.statistics.entropy_bits] == [
                beside.statistics.mean, beside.statistics.variance, beside.statistics.entropy_bits
            ]  # fmt: skip
        else:
            assert alone.statistics is beside.statistics


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_small_png_has_the_pixels_that_pillow_opens(mode: str) -> None:
    random = np.random.default_rng(0)
    noise, slope = random.integers(0, 256, (40, 40, 4)), np.indices((40, 40)).sum(0)[..., np.newaxis] * np.arange(1, 5)
    channels = slice(None, len(mode)) if mode != "L" else 0
    data = save(Image.fromarray(np.where(slope < 90, slope, noise).astype(np.uint8)[..., channels]), "PNG")
    decoded = decode_plain(read_png_header(data))
    assert decoded is not None and decoded.mode == mode
    assert np.array_equal(np.asarray(decoded), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("name", BAD_KINDS)
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    make, reason = BAD_KINDS[name]
    policy = InputPolicy(max_bytes=100_000) if name == "too many bytes" else InputPolicy()
    judged = judge_image_bytes(make(), BOX, policy)
    assert judged.refusal is reason
    assert judged.detail.startswith("expected ") and "\n" not in judged.detail and len(judged.detail) < 400


def said(data: bytes, preprocessing: Preprocessing = BOX) -> GateResult:
    return judge_image_bytes(data, preprocessing, POLICY)


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


def test_a_rotated_picture_is_measured_as_it_is_looked_at() -> None:
    upright = Preprocessing(channels=3, height=64, width=48)
    assert said(oriented(6).data, upright).accepted
    assert "came 48x64 RGB" in said(oriented(6).data, Preprocessing(channels=3, height=48, width=64)).detail


def test_sixteen_bits_can_be_read_by_the_range_of_the_file() -> None:
    samples = (grey().astype(np.uint16) * 4 + 300)[:, :, np.newaxis]
    spread = Preprocessing(height=48, width=64, sixteen_bit="range")
    low, high = int(samples.min()), int(samples.max())
    assert away(judge(write_png(samples), spread), (samples - low) * (255 / (high - low))) <= 0.5
    assert judge(write_png(samples), Preprocessing(height=48, width=64)).max() <= 6


def test_transparency_shows_the_stated_background_and_padding_the_stated_colour() -> None:
    clear = write_png(np.dstack([drawing(), np.zeros((48, 64), np.uint8)]))
    box = Preprocessing(channels=3, height=64, width=64, fit="pad", background="#102030", padding="#ff0000")
    pixels = judge(clear, box)
    assert (pixels[32] == (16, 32, 48)).all() and (pixels[2] == (255, 0, 0)).all()


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
    from benchmarks.icc_profiles import make_grey_profile

    judged = said(write_png(drawing(), [profile_chunk(make_grey_profile())]))
    assert judged.conversions[0] == "colour profile ignored: of GRAY on a picture of RGB"


def test_metadata_that_unpacks_to_megabytes_changes_nothing() -> None:
    data = hostile_metadata()
    assert not opens_with_pillow(data)
    same = Preprocessing(channels=3, height=48, width=64)
    assert away(judge(data, same), drawing().astype(float)) == 0


def test_a_field_of_exif_that_lies_outside_of_it_is_no_orientation() -> None:
    exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\0\0\0\x7f" + bytes(4)
    same = Preprocessing(channels=3, height=48, width=64)
    assert said(write_png(drawing(), [chunk(b"eXIf", exif)]), same).conversions == ()


def test_a_large_jpeg_is_reduced_while_decoding_and_stays_near_the_float64_fit() -> None:
    from PIL import Image

    large = np.asarray(Image.fromarray(drawing()).resize((640, 480), Image.Resampling.BICUBIC))
    data = save(Image.fromarray(large), "JPEG", quality=95)
    judged = said(data)
    assert judged.conversions == ("decoded at 1/8", "padded from 640x480")
    assert away(judge(data, BOX), fit_float(large.astype(float), 24, 28, "pad")) <= LEVEL
