"""The machine before any setting counts: Python, packages, decoders, clock."""

from __future__ import annotations

import pytest
from PIL import Image, ImageOps

from deploy.settings import Settings
from latentloop.doctor.finding import Health
from latentloop.doctor.system import examine_clock, examine_decoders, examine_packages, examine_python


def test_python_packages_and_clock_of_the_tests_are_right(settings: Settings) -> None:
    assert examine_python().health is Health.ok
    assert examine_packages().health is Health.ok, examine_packages().line
    assert examine_clock(settings).health is Health.ok


def test_a_decoder_that_makes_other_pixels_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine_decoders().health is Health.ok and "libjpeg_turbo" in examine_decoders().line
    convert = Image.Image.convert

    def inverting(image: Image.Image, *more: object) -> Image.Image:
        converted = convert(image, *more)  # type: ignore[arg-type]
        return ImageOps.invert(converted) if converted.mode in ("L", "RGB") else converted

    monkeypatch.setattr(Image.Image, "convert", inverting)
    found = examine_decoders()
    assert found.health is Health.note and ".png" in found.line and "constraints.txt" in found.line
