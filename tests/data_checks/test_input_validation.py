"""The one gate: any file and any array is answered with pixels, or with a named refusal of one line."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from benchmarks.intake_bad import BAD_KINDS
from data_checks.image_statistics import measure_image
from data_checks.input_validation import (
    Refusal,
    ValidatedImage,
    count_pixels,
    judge_image_array,
    judge_image_bytes,
    judge_images,
)
from data_checks.policy import InputPolicy
from tests.data_checks.intake.bad_kinds import FOUND_BY
from tests.data_checks.intake.judging import BOX, KINDS
from tests.data_checks.intake.sent import FIRST, GREY, JPEG, PICTURE, PNG, POLICY, REFERENCE, claimed_png
from tests.data_checks.pictures import encode, product
from vae_core.images.preprocessing import Preprocessing

COLOUR = Preprocessing(channels=3)
RESIZED = Preprocessing(fit="stretch")


def colour_picture() -> NDArray[np.uint8]:
    return np.stack([product(seed) for seed in (1, 2, 3)], axis=2)


def test_a_png_comes_out_pixel_for_pixel_with_its_statistics() -> None:
    result = judge_image_bytes(PNG, GREY, POLICY, REFERENCE)
    assert result.accepted and result.detail == ""
    assert result.pixels is not None and result.pixels.dtype == np.uint8
    np.testing.assert_array_equal(result.pixels, PICTURE[np.newaxis])
    assert result.statistics is not None
    assert result.statistics.variance == measure_image(PICTURE).variance


def test_a_jpeg_with_exif_and_a_colour_png_are_accepted() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    assert judge_image_bytes(encode(PICTURE, "JPEG", exif=exif), GREY, POLICY).accepted
    result = judge_image_bytes(encode(colour_picture()), COLOUR, POLICY)
    assert result.pixels is not None
    np.testing.assert_array_equal(result.pixels, np.moveaxis(colour_picture(), 2, 0))


@pytest.mark.parametrize(
    ("data", "preprocessing", "pixels"),
    [
        (PNG, GREY, 784),
        (encode(colour_picture()), COLOUR, 784),
        (claimed_png(1000, 2000), RESIZED, 2_000_000),
        (claimed_png(1000, 2000), GREY, 0),
        (claimed_png(8000, 8000), RESIZED, 0),
        (encode(colour_picture()), FIRST, 0),
        (encode(np.zeros((4000, 3000), np.uint8), "JPEG"), RESIZED, 500 * 375),
        (b"no picture", GREY, 0),
    ],
    ids=["grey", "colour", "large", "another size", "too large", "another mode", "reduced while decoding", "none"],
)
def test_what_decoding_will_make_is_counted_by_the_header(
    data: bytes, preprocessing: Preprocessing, pixels: int
) -> None:
    assert count_pixels(data, preprocessing, POLICY) == pixels


def test_another_size_is_resized_where_the_preprocessing_says_so() -> None:
    large = encode(product(height=56, width=64))
    from_file = judge_image_bytes(large, RESIZED, POLICY)
    from_array = judge_image_array(product(height=56, width=64), RESIZED, POLICY)
    assert from_file.pixels is not None and from_file.pixels.shape == (1, 28, 28)
    assert from_array.pixels is not None
    np.testing.assert_array_equal(from_file.pixels, from_array.pixels)


def test_under_the_first_schema_a_photograph_lies_as_it_is_stored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    stored = encode(PICTURE, exif=exif)
    first, second = judge_image_bytes(stored, FIRST, POLICY), judge_image_bytes(stored, GREY, POLICY)
    assert first.pixels is not None and second.pixels is not None
    np.testing.assert_array_equal(first.pixels[0], PICTURE)
    np.testing.assert_array_equal(second.pixels[0], PICTURE[::-1, ::-1])
    assert (first.conversions, second.conversions) == ((), ("EXIF orientation 3 applied",))


@pytest.mark.parametrize(
    ("array", "refusal", "detail"),
    [
        (
            np.zeros((28, 28, 1), np.uint8),
            Refusal.wrong_shape,
            "came 28x28x1: move the channel axis to the front",
        ),
        (np.zeros((2, 1, 28, 28)), Refusal.wrong_shape, "expected 1x28x28 (C, H, W), came 2x1x28x28"),
        (np.zeros((1, 0, 28)), Refusal.wrong_shape, "came 1x0x28"),
        (np.float64(0.5), Refusal.wrong_shape, "came a single number"),
        (np.zeros((3, 96, 96)), Refusal.wrong_shape, "came 3x96x96: a colour picture, or several grey ones? send"),
        (np.zeros((1, 28, 32)), Refusal.wrong_shape, "came 32x28 with 1 channels: resize or crop"),
        (np.zeros((1, 10_000, 5001), np.uint8), Refusal.too_many_pixels, "came 5001x10000 = 50010000"),
        (PICTURE.astype(np.float64), Refusal.range_0_255, "divide by 255"),
        (np.zeros((1, 28, 28)), Refusal.low_variance, "a black frame"),
        ((255 - PICTURE) / 255, Refusal.inverted, "negative"),
    ],
)
def test_an_array_that_cannot_be_used_is_refused_by_name(
    array: NDArray[np.generic], refusal: Refusal, detail: str
) -> None:
    result = judge_image_array(np.asarray(array), GREY, POLICY, REFERENCE)
    assert result.refusal is refusal
    assert detail in result.detail


@pytest.mark.parametrize("array", [PICTURE, PICTURE[np.newaxis], PICTURE / 255, PICTURE.astype(np.int32)], ids=str)
def test_an_array_and_its_file_give_the_same_pixels(array: NDArray[np.generic]) -> None:
    from_array, from_file = judge_image_array(array, GREY, POLICY), judge_image_bytes(PNG, GREY, POLICY)
    assert from_array.pixels is not None and from_file.pixels is not None
    np.testing.assert_array_equal(from_array.pixels, from_file.pixels)
    assert not np.shares_memory(from_array.pixels, array)


def test_a_black_frame_keeps_its_statistics_for_telemetry() -> None:
    result = judge_image_bytes(encode(np.zeros((28, 28), np.uint8)), GREY, POLICY)
    assert result.statistics is not None and result.statistics.variance == 0


def test_thresholds_are_those_of_the_policy() -> None:
    faint = encode(np.where(PICTURE > 0, 40, 0).astype(np.uint8))
    assert judge_image_bytes(faint, GREY, POLICY).refusal is Refusal.low_variance
    assert judge_image_bytes(faint, GREY, InputPolicy(min_variance=0.003)).accepted
    strict = InputPolicy(min_variance=0.003, min_entropy_bits=1.5)
    assert judge_image_bytes(faint, GREY, strict).refusal is Refusal.low_entropy
    left_out = judge_image_bytes(JPEG, GREY, InputPolicy(formats=("PNG", "GIF")))
    assert left_out.refusal is Refusal.format_not_wanted
    assert left_out.detail == (
        'expected PNG or GIF, came a JPEG: convert it before upload, or add "JPEG" to input_policy.formats'
    )
    for lenient in (InputPolicy(detect_inversion=False), InputPolicy(inversion_margin=2)):
        assert judge_image_bytes(encode(255 - PICTURE), GREY, lenient, REFERENCE).accepted


def test_a_reference_of_another_shape_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match=r"shape \(16,\), came \(256,\)"):
        judge_image_bytes(PNG, GREY, POLICY, np.ones(256))


def test_the_gate_and_the_verdict_load_no_heavy_library() -> None:
    heavy = ("torch", "pandas", "scipy", "great_expectations", "evidently")
    program = "import data_checks.input_validation, data_checks.verdict, data_checks.batch, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not set(heavy) & set(loaded.split())


def sound(result: ValidatedImage) -> bool:
    one_line = "\n" not in result.detail
    if result.accepted:
        return result.pixels is not None and result.pixels.shape == GREY.shape and result.detail == ""
    return one_line and result.detail != ""


@given(st.binary(max_size=400))
@example(b"\xff\xd8\xff")
@example(b"\x89PNG\r\n\x1a\n")
@example(b"II*\0\x08\0\0\0")
def test_any_bytes_are_answered(data: bytes) -> None:
    starts = (
        b"",
        PNG[:8],
        b"\xff\xd8\xff",
        b"II*\0\x08\0\0\0",
        b"BM",
        b"GIF89a",
        b"RIFF\x40\0\0\0WEBPVP8 ",
        b"\0\0\0\x14ftypavif",
    )
    for start in starts:
        assert sound(judge_image_bytes(start + data, GREY, POLICY, REFERENCE))


@settings(max_examples=400)
@given(
    st.sampled_from(
        [
            PNG,
            JPEG,
            encode(PICTURE, "JPEG", progressive=True),
            encode(PICTURE, mode="P"),
            encode(PICTURE, "WEBP"),
            encode(PICTURE, "TIFF"),
            encode(PICTURE, "TIFF", compression="tiff_lzw"),
            encode(PICTURE, "BMP"),
            encode(PICTURE, "GIF"),
        ]
    ),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=6)), min_size=1, max_size=6),
)
def test_files_overwritten_anywhere_are_answered(data: bytes, wounds: list[tuple[float, bytes]]) -> None:
    damaged = bytearray(data)
    for place, content in wounds:
        start = int(place * len(damaged))
        damaged[start : start + len(content)] = content
    for preprocessing in (GREY, RESIZED, FIRST):
        assert sound(judge_image_bytes(bytes(damaged), preprocessing, POLICY, REFERENCE))


@given(st.data())
def test_png_chunks_with_hostile_bodies_and_right_checksums_are_answered(data: st.DataObject) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    kinds = st.sampled_from([b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"iCCP", b"zTXt", b"eXIf"])
    chunks = data.draw(st.lists(st.tuples(kinds, st.binary(max_size=40)), max_size=6))
    body = b"".join(chunk(kind, content) for kind, content in chunks)
    assert sound(judge_image_bytes(PNG[:33] + body + PNG[33:], GREY, POLICY, REFERENCE))


@given(
    st.sampled_from([np.uint8, np.int64, np.float16, np.float32, np.float64, np.bool_, np.complex64]),
    st.lists(st.integers(0, 30), max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_any_array_is_answered(dtype: type, shape: list[int], seed: int) -> None:
    noise = np.frombuffer(np.random.default_rng(seed).bytes(16 * max(1, int(np.prod(shape)))), dtype)
    array = np.resize(noise, shape)
    with np.errstate(invalid="ignore", over="ignore"):
        assert sound(judge_image_array(array, GREY, POLICY, REFERENCE))


def test_files_that_are_judged_together_get_the_answers_that_each_gets_alone() -> None:
    lenient = InputPolicy(min_variance=0, detect_inversion=False)
    files = [make().data for make in KINDS.values()] + [make() for make, _ in BAD_KINDS.values()]
    for alone, beside in zip(
        (judge_image_bytes(each, BOX, lenient) for each in files), judge_images(files, BOX, lenient), strict=True
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


def test_every_bad_kind_of_file_is_found_by_one_module_of_the_intake() -> None:
    assert sorted(name for names in FOUND_BY.values() for name in names) == sorted(BAD_KINDS)
