"""One picture: its form as it is shown, whether it has colour, and what it ends in."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from latentloop.init.looking.look import Look, Unusable, find_border, has_colour, look_at


def encoded(picture: Image.Image, form: str = "PNG", **more: object) -> bytes:
    written = io.BytesIO()
    picture.save(written, form, **more)
    return written.getvalue()


def test_a_grey_picture_in_rgb_has_no_colour_and_a_red_dot_has() -> None:
    grey = np.repeat(np.random.default_rng(0).integers(0, 256, (1, 64, 64), np.uint8), 3, axis=0)
    dotted = grey.copy()
    dotted[:, 20:26, 20:26] = np.array([200, 20, 20], np.uint8)[:, None, None]

    assert not has_colour(grey)
    assert has_colour(dotted)


def test_the_border_is_the_commonest_colour_of_the_rim_and_is_flat_where_most_of_it_is() -> None:
    framed = np.full((3, 64, 64), 90, np.uint8)
    framed[:, :, :] = np.array([250, 250, 240], np.uint8)[:, None, None]
    framed[:, 10:50, 10:50] = 7
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64), np.uint8)

    assert find_border(framed) == ((250, 250, 240), True)
    assert not find_border(noise)[1]


def test_a_photograph_on_its_side_is_seen_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    look = look_at("a.jpg", encoded(Image.effect_noise((64, 32), 50).convert("RGB"), "JPEG", exif=exif))

    assert isinstance(look, Look)
    assert (look.width, look.height, look.turned) == (32, 64, True)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1", "CMYK", "I;16"])
def test_every_mode_opens(mode: str) -> None:
    picture = Image.effect_noise((40, 30), 80)
    made = picture.convert("I;16") if mode == "I;16" else picture.convert("RGB").convert(mode)

    assert isinstance(look_at("a", encoded(made, "JPEG" if mode == "CMYK" else "PNG")), Look)


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty_file"), (b"hello", "not_an_image")])
def test_what_does_not_open_has_the_reason_of_the_gate(data: bytes, reason: str) -> None:
    found = look_at("a.png", data)

    assert isinstance(found, Unusable)
    assert found.reason == reason
