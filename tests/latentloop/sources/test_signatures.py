"""Files are known as images by their beginnings; the oracle is what Pillow writes."""

from __future__ import annotations

import io

import pytest
from PIL import Image, features

from latentloop.sources.found import SNIFFED_BYTES
from latentloop.sources.signatures import begins_like_an_image

FORMATS = ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "JPEG2000", "AVIF"]


@pytest.mark.parametrize("kind", FORMATS)
def test_what_pillow_writes_is_known_as_an_image(kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        return
    sink = io.BytesIO()
    Image.new("RGB", (9, 7), (200, 30, 40)).save(sink, kind)

    assert begins_like_an_image(sink.getvalue()[:SNIFFED_BYTES])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"id,label\n1,cat\n",
        b"BMW sales of 2025, all of them\n",
        b"PK\x03\x04" + bytes(28),
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00",
        b"%PDF-1.7",
        b"<?xml version='1.0'?>",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",  # a Thumbs.db
        b"\x00\x00\x00\x01Bud1",  # a .DS_Store
    ],
)
def test_what_is_no_image_is_not(head: bytes) -> None:
    assert not begins_like_an_image(head)
