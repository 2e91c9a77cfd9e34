import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile

from data_checks.image_statistics import measure_image, measure_images
from data_checks.input_gate import GateResult, Refusal, count_pixels, judge_image_array, judge_image_bytes
from data_checks.policy import InputPolicy
from tests.data_checks.pictures import encode, product
from vae_core.images.preprocessing import Preprocessing

GREY = Preprocessing()
COLOUR = Preprocessing(channels=3)
RESIZED = Preprocessing(fit="stretch")
FIRST = Preprocessing(schema_version=1)  # type: ignore[arg-type]
POLICY = InputPolicy()
PICTURE = product()
PNG, JPEG = encode(PICTURE), encode(PICTURE, "JPEG", quality=95)
FRAMES = [Image.fromarray(PICTURE), Image.fromarray(255 - PICTURE)]
REFERENCE = measure_images(np.stack([product(seed) for seed in range(100)])).histogram.mean(axis=0)


def colour_picture() -> NDArray[np.uint8]:
    return np.stack([product(seed) for seed in (1, 2, 3)], axis=2)


def claimed_png(width: int, height: int) -> bytes:
    """Make a PNG whose header claims a size and whose pixels are not there."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    ihdr = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


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


@pytest.mark.parametrize(
    ("data", "refusal", "detail"),
    [
        (b"", Refusal.empty_file, "expected an image file, came 0 bytes: upload it anew"),
        (b"hello world", Refusal.not_an_image, "came a file that begins with b'hello wo': convert"),
        (b"%PDF-1.7", Refusal.not_an_image, "came a PDF: save its pictures as PNG or JPEG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Refusal.not_an_image, "came a HEIC photograph: save it as JPEG (on an"),
        (PNG[:-13], Refusal.truncated, "stop before its end chunk: upload it anew"),
        (JPEG[:-2], Refusal.truncated, "stop before its end marker: upload it anew"),
        (claimed_png(28, 28), Refusal.truncated, "came one that does not decode (OSError"),
        (claimed_png(10_000, 5001), Refusal.too_many_pixels, "came 10000x5001 = 50010000: downscale it, or raise"),
        (claimed_png(10_000, 7001), Refusal.too_many_pixels, "= 70010000: downscale it, or raise input_policy"),
        (claimed_png(10_000, 8001), Refusal.too_many_pixels, "= 80010000: downscale it, no setting takes it as it is"),
        (claimed_png(2**31 - 1, 2**31 - 1), Refusal.too_many_pixels, "at most 50000000 pixels"),
        (PNG + bytes(64 * 2**20), Refusal.too_many_bytes, "expected at most 67108864 bytes, came 67109"),
        (
            encode(product(width=32)),
            Refusal.wrong_shape,
            "expected 28x28 L, came 32x28 L: resize or crop it, or set preprocessing.fit to pad, crop or stretch",
        ),
        (
            encode(PICTURE, save_all=True, append_images=FRAMES),
            Refusal.wrong_mode,
            "came 28x28 L animated: save one still picture of it",
        ),
        (encode(PICTURE, "GIF", save_all=True, append_images=FRAMES), Refusal.wrong_mode, "came 28x28 P animated"),
        (encode(np.zeros((28, 28), np.uint8)), Refusal.low_variance, "came 0 at mean 0.000: a black frame, check"),
        (encode(np.full((28, 28), 200, np.uint8)), Refusal.low_variance, "a picture of one colour, check the camera"),
        (encode(255 - PICTURE), Refusal.inverted, "looks like a negative, invert it before upload"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_by_name(data: bytes, refusal: Refusal, detail: str) -> None:
    result = judge_image_bytes(data, GREY, POLICY, REFERENCE)
    assert result.refusal is refusal
    assert not result.accepted
    assert detail in result.detail and "\n" not in result.detail


@pytest.mark.parametrize(
    ("data", "refusal", "detail"),
    [
        (encode(PICTURE, mode="RGB"), Refusal.wrong_mode, "expected 28x28 L, came 28x28 RGB as PNG: save it as PNG or"),
        (encode(PICTURE, mode="RGBA"), Refusal.wrong_mode, "came 28x28 RGBA with transparency: flatten it"),
        (encode(PICTURE, mode="LA"), Refusal.wrong_mode, "came 28x28 LA with transparency"),
        (encode(PICTURE, transparency=0), Refusal.wrong_mode, "came 28x28 L with transparency"),
        (encode(PICTURE, mode="P"), Refusal.wrong_mode, "came 28x28 P (palette): convert it to L"),
        (encode(PICTURE, mode="1"), Refusal.wrong_mode, "came 28x28 L with 1 bits a channel"),
        (encode(PICTURE.astype(np.uint16) * 257), Refusal.wrong_mode, "with 16 bits a channel: save it"),
        (encode(PICTURE, "JPEG", mode="CMYK"), Refusal.wrong_mode, "came 28x28 CMYK as JPEG"),
        (encode(PICTURE, "WEBP"), Refusal.wrong_mode, "came 28x28 RGB as WEBP"),
        (encode(product(width=32)), Refusal.wrong_shape, "expected 28x28 L, came 32x28 L"),
        (
            encode(PICTURE, save_all=True, append_images=FRAMES),
            Refusal.wrong_mode,
            "came 28x28 L animated: save one still frame before upload",
        ),
    ],
)  # fmt: skip
def test_under_the_first_schema_nothing_is_converted(data: bytes, refusal: Refusal, detail: str) -> None:
    result = judge_image_bytes(data, FIRST, POLICY, REFERENCE)
    assert result.refusal is refusal
    assert detail in result.detail and "\n" not in result.detail


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


def test_a_refused_huge_picture_is_never_decoded() -> None:
    huge = encode(np.zeros((6000, 9000), np.uint8))
    tracemalloc.start()
    result = judge_image_bytes(huge, GREY, POLICY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.refusal is Refusal.too_many_pixels
    assert peak < 1_000_000  # 54 million pixels decoded would take fifty times as much


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


def test_without_a_reference_or_with_one_that_is_its_own_mirror_nothing_is_called_a_negative() -> None:
    symmetric = (REFERENCE + REFERENCE[::-1]) / 2
    for reference in (None, symmetric):
        assert judge_image_bytes(encode(255 - PICTURE), GREY, POLICY, reference).accepted


def test_a_reference_of_another_shape_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match=r"shape \(16,\), came \(256,\)"):
        judge_image_bytes(PNG, GREY, POLICY, np.ones(256))


def test_damaged_pixels_stay_an_error_to_pillow() -> None:
    # A library that sets this flag anywhere in the process would let cut files pass.
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_the_gate_and_the_verdict_load_no_heavy_library() -> None:
    heavy = ("torch", "pandas", "scipy", "great_expectations", "evidently")
    program = "import data_checks.input_gate, data_checks.verdict, data_checks.batch, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not set(heavy) & set(loaded.split())


def sound(result: GateResult) -> bool:
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
