"""Channels, size, fit and colours are read off the pictures, and nothing is ever stretched by surprise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from latentloop.init.looking.look import Look
from latentloop.init.proposing.form import Size, propose_channels, propose_fit, propose_padding, propose_size
from tests.latentloop.init.looks import DRAWING, GREY, PHOTOGRAPH, sized


@pytest.mark.parametrize(("coloured", "channels"), [(0, 1), (3, 1), (4, 3), (100, 3)])
def test_a_few_pictures_with_colour_do_not_make_a_colour_catalogue(coloured: int, channels: int) -> None:
    looks = [PHOTOGRAPH] * coloured + [GREY] * (100 - coloured)

    assert propose_channels(looks).value == channels


@pytest.mark.parametrize(
    ("looks", "size"),
    [
        ([GREY] * 5, Size(28, 28)),
        # most have one size: it is the size, also above what is proposed for a mixture
        ([sized(DRAWING, 72, 72)] * 6 + [sized(DRAWING, 300, 200)] * 4, Size(72, 72)),
        ([sized(PHOTOGRAPH, 96, 96)] * 5, Size(96, 96)),
        ([sized(PHOTOGRAPH, 48, 64)] * 5, Size(64, 48)),
        # one size that no network takes, or that is too much for a processor: a smaller one of the same form
        ([sized(GREY, 50, 50)] * 5, Size(48, 48)),
        ([sized(PHOTOGRAPH, 4000, 3000)] * 5, Size(48, 64)),
        ([sized(PHOTOGRAPH, 3000, 4000)] * 5, Size(64, 48)),
        # mixed proportions: square
        ([sized(PHOTOGRAPH, 4000, 3000), sized(PHOTOGRAPH, 3000, 4000)], Size(64, 64)),
        ([sized(DRAWING, 40, 30), sized(DRAWING, 30, 40)], Size(40, 40)),
        ([sized(GREY, 3, 5)] * 2, Size(16, 8)),
    ],
)
def test_the_size_is_that_of_most_or_a_smaller_one_of_their_form(looks: list[Look], size: Size) -> None:
    assert propose_size(looks, 64).value == size


def test_a_larger_machine_is_offered_larger_pictures() -> None:
    mixed = [sized(PHOTOGRAPH, 4000, 3000), sized(PHOTOGRAPH, 3000, 4000)]

    assert propose_size(mixed, 128).value == Size(128, 128)


@pytest.mark.parametrize(
    ("looks", "size"),
    [
        ([sized(PHOTOGRAPH, 96, 96)] * 5, Size(64, 64)),
        ([sized(PHOTOGRAPH, 72, 72)] * 5, Size(64, 64)),
        ([sized(PHOTOGRAPH, 640, 480)] * 5, Size(48, 64)),
        ([GREY] * 5, Size(28, 28)),
    ],
)
def test_a_limit_that_a_person_sets_is_kept_to_where_all_pictures_have_one_size(looks: list[Look], size: Size) -> None:
    assert propose_size(looks, 128, 64).value == size


@pytest.mark.parametrize(
    ("looks", "size", "fit"),
    [
        ([GREY] * 5, Size(28, 28), "refuse"),
        ([GREY] * 99 + [sized(GREY, 27, 28)], Size(28, 28), "crop"),
        ([sized(PHOTOGRAPH, 640, 480)] * 5, Size(48, 64), "crop"),
        ([sized(PHOTOGRAPH, 640, 480)] * 5, Size(64, 64), "pad"),
        ([sized(PHOTOGRAPH, 640, 480), sized(PHOTOGRAPH, 480, 640)], Size(64, 64), "pad"),
        ([sized(DRAWING, 640, 480)] * 5, Size(48, 64), "pad"),
    ],
)
def test_the_fit_keeps_what_is_in_the_picture(looks: list[Look], size: Size, fit: str) -> None:
    assert propose_fit(looks, size).value == fit


def test_padding_goes_on_with_the_commonest_border() -> None:
    blue, nearly_white = replace(GREY, border=(30, 40, 200)), replace(GREY, border=(254, 253, 255), border_is_flat=True)

    assert propose_padding([blue, blue, GREY], "#ffffff").value == "#1e28c8"
    assert propose_padding([blue, blue, nearly_white], "#000000").value == "#ffffff", "flat borders count first"
    assert propose_padding([DRAWING] * 3, "#808080").value == "#808080", "transparent ones end in what is under them"
