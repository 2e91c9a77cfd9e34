"""Looks of pictures that nobody drew: what the sampler would say of them."""

from __future__ import annotations

from dataclasses import replace

from latentloop.init.looking.look import Look

PHOTOGRAPH = Look(
    path="a.jpg",
    size_bytes=40_000,
    format="JPEG",
    mode="RGB",
    width=640,
    height=480,
    turned=False,
    transparent=False,
    coloured=True,
    border=(90, 120, 60),
    border_is_flat=False,
)
DRAWING = replace(
    PHOTOGRAPH, path="b.png", format="PNG", mode="RGBA", transparent=True, border=(255, 255, 255), border_is_flat=True
)
GREY = replace(PHOTOGRAPH, path="c.png", format="PNG", mode="L", width=28, height=28, coloured=False, border=(0, 0, 0))


def sized(look: Look, width: int, height: int) -> Look:
    return replace(look, width=width, height=height)
