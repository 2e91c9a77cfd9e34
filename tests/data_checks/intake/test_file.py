"""From the bytes of a file to its header, or to the refusal of it."""

import tracemalloc

import numpy as np
import pytest

from data_checks.input_validation import Refusal, judge_image_bytes
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.intake.sent import FIRST, FRAMES, GREY, JPEG, PICTURE, PNG, POLICY, REFERENCE, claimed_png
from tests.data_checks.pictures import encode, product


@pytest.mark.parametrize("name", FOUND_BY["file"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


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


def test_a_refused_huge_picture_is_never_decoded() -> None:
    huge = encode(np.zeros((6000, 9000), np.uint8))
    tracemalloc.start()
    result = judge_image_bytes(huge, GREY, POLICY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.refusal is Refusal.too_many_pixels
    assert peak < 1_000_000  # 54 million pixels decoded would take fifty times as much
