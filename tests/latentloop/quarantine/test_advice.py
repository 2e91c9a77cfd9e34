"""The sentence beside a reason is computed from the images, and accepts what it says it accepts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_checks.refusal import NO_SETTING, Refusal
from latentloop.quarantine import advice
from latentloop.quarantine.state import Refused


def advise(reason: str, rows: Sequence[Refused]) -> str:
    return advice.advise(reason, rows, ("PNG", "JPEG"))


def refused(reason: str, variances: Sequence[float], mean: float = 0.5, detail: str = "") -> list[Refused]:
    return [
        Refused("captures/files/a.parquet", row, f"{row}.png", "s", reason, detail, "p", None, mean, variance, variance)
        for row, variance in enumerate(variances)
    ]


def test_the_variance_that_lets_99_percent_in_is_named_with_how_many_they_are() -> None:
    rows = refused("low_variance", np.linspace(0.0005, 0.0099, 1_204))
    assert advise("low_variance", rows) == "`input_policy.min_variance = 0.0005` accepts all of these 1,204"


@given(st.lists(st.floats(1e-5, 0.0099), min_size=1, max_size=300))
def test_the_sentence_never_promises_more_than_it_keeps(variances: list[float]) -> None:
    said = advise("low_variance", refused("low_variance", variances))
    value, share = re.match(r"`input_policy.min_variance = (\S+)` accepts (it$|all|[0-9.]+ %)", said).groups()
    kept = np.mean(np.array(variances) >= float(value))
    promised = 1.0 if share in ("all", "it") else float(share.removesuffix(" %")) / 100
    assert kept >= max(promised, 0.99) and promised >= kept - 0.001
    assert float(value) > 0.5 * min(variances)


def test_black_frames_are_a_camera_and_white_grounds_are_not() -> None:
    assert advise("low_variance", refused("low_variance", [0.0] * 9)).startswith("all 9 are of one single tone: check")
    assert advise("low_variance", refused("low_variance", [0.0])).startswith("it is of one single tone: check")
    assert "white ground is no broken camera" in advise("low_variance", refused("low_variance", [0.004] * 9, mean=0.97))
    dark = advise("low_variance", refused("low_variance", [0.004] * 8 + [0.0], mean=0.02))
    assert "accepts 88.8 % of these 9; the other 1 is of one single tone: check" in dark and "camera failed" in dark


def test_a_setting_that_lets_in_the_smaller_part_is_no_answer_and_the_rest_is_named() -> None:
    said = advise("low_variance", refused("low_variance", [0.004] * 10 + [0.0] * 46))
    assert said == (
        "`input_policy.min_variance = 0.004` accepts 17.8 % of these 56, so this setting alone is no answer; the other "
        "46 are of one single tone: check the camera, the lens cap or the export, and `discard` what is empty"
    )
    assert "no answer" not in advise("low_variance", refused("low_variance", [0.004] * 46 + [0.0] * 10))


def on(ground: str, number: int, variance: float = 0.0) -> list[Refused]:
    told = f"expected pixel variance >= 0.01; transparency over {ground} (`preprocessing.background`), where …"
    rows = refused("low_variance", [variance] * number, mean=1.0, detail=told)
    return [replace(each, segment=f"{ground}{variance}") for each in rows]


def test_what_vanished_on_its_background_is_told_another_one_and_no_lower_threshold() -> None:
    for reason in ("low_variance", "low_entropy"):
        said = advise(reason, on("#ffffff", 12))
        assert said.startswith(
            'all 12 are transparent and on `preprocessing.background = "#ffffff"`, where what is drawn'
        )
        assert 'such as "#808080"' in said and "min_" not in said and "lens cap" not in said
    assert 'such as "#ffffff"' in advise("low_variance", on("#808080", 1))

    mixed = advise("low_variance", [*on("#ffffff", 12), *refused("low_variance", [0.004] * 3)])
    assert mixed.startswith("12 are transparent")
    assert mixed.endswith("of the other 3: `input_policy.min_variance = 0.004` accepts all of these 3")
    thin_strokes = advise("low_variance", on("#ffffff", 5, variance=0.008))
    assert thin_strokes.startswith("`input_policy.min_variance = 0.008` accepts all of these 5")


@pytest.mark.parametrize(
    "detail",
    [
        "odd (files): 36 of 120 were refused for low_variance (30 %, surely at least 18.12 %), `input_policy.max_…",
        "odd (files): refused_low_variance 0.3 [0.18, 0.43] > limit 0.01 (n=120): lower bound 0.1812 > limit 0.01",
    ],
    ids=["now", "of an earlier release"],
)
def test_a_held_source_names_the_share_that_would_not_hold_it_and_the_commands(detail: str) -> None:
    said = advise("batch_held", refused("batch_held", [1.0], detail=detail))
    assert "`latentloop quarantine release batch_held --reason" in said
    assert said.endswith(
        "`input_policy.max_refused_share = 0.19` for good: set it, then `latentloop quarantine rejudge`"
    )
    table_is_wrong = advise("batch_held", refused("batch_held", [1.0], detail="ExpectTable: expected 3, came 2"))
    assert table_is_wrong.endswith("takes them in as they are")


def test_the_largest_file_and_picture_are_read_from_what_the_gate_said() -> None:
    came = "expected at most 4000000 pixels, came 4000x3000 = 12000000: downscale before upload"
    assert advise("too_many_pixels", refused("too_many_pixels", [0.1], detail=came)) == (
        "`input_policy.max_pixels = 12000000` accepts it"
    )
    beyond = f"expected at most 50000000 pixels, came 24967x24967 = 623351089: downscale it, {NO_SETTING}"
    huge = refused("too_many_pixels", [0.0], detail=beyond)
    said = advise("too_many_pixels", [*refused("too_many_pixels", [0.1], detail=came), *huge])
    assert said.startswith("`input_policy.max_pixels = 12000000` accepts 1 of these 2, no setting the others: make ")
    assert advise("too_many_pixels", huge).startswith("no setting takes it: make them smaller")
    came = "expected at most 8388608 bytes, came 9000000: compress or downscale"
    assert advise("too_many_bytes", refused("too_many_bytes", [0.1], detail=came)).endswith("= 9000000` accepts it")


def test_formats_that_are_left_out_are_named_beside_those_that_are_taken() -> None:
    gif = refused("format_not_wanted", [0.0] * 5, detail="expected PNG or JPEG, came a GIF: convert it before upload")
    webp = refused("format_not_wanted", [0.0] * 2, detail="expected PNG, came a WebP: convert it before upload")
    assert advise("format_not_wanted", gif) == '`input_policy.formats = ["PNG", "JPEG", "GIF"]` accepts all 5'
    assert advise("format_not_wanted", [*webp, *gif]) == (
        '`input_policy.formats = ["PNG", "JPEG", "GIF", "WEBP"]` accepts all 7'
    )


def test_formats_of_an_earlier_release_are_told_from_what_no_setting_takes() -> None:
    gif = refused("not_an_image", [0.0] * 5, detail="expected PNG or JPEG, came a GIF: convert it before upload")
    pdf = refused("not_an_image", [0.0], detail="expected PNG or JPEG, came a PDF: save its pictures as PNG or JPEG")
    big = refused("not_an_image", [0.0], detail="expected PNG, came a JPEG 2000: save it as PNG or JPEG")
    assert advise("not_an_image", [*pdf, *gif, *big]) == (
        '`input_policy.formats = ["PNG", "JPEG", "GIF"]` accepts 5 of these 7; no setting the others: send them again '
        "whole"
    )
    assert advise("not_an_image", [*pdf, *big]).startswith("no setting makes pictures of these files")


@pytest.mark.parametrize("reason", [*Refusal, "batch_held", "something of a later release"])
def test_every_reason_has_a_sentence_of_one_line(reason: str) -> None:
    said = advise(str(reason), refused(str(reason), [0.001]))
    assert said and "\n" not in said and len(said) < 300
