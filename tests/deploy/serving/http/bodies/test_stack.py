"""An array is one image where it may be one, else a stack; colours are no stack of grey images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deploy.serving.http.bodies.limits import BodyLimits
from deploy.serving.http.bodies.stack import split_stack
from deploy.serving.http.payload import Upload, parse_body
from tests.deploy.serving.http.bodies.test_npy_array import saved
from vae_core.images.preprocessing import Preprocessing


def parse(body: bytes, content_type: str) -> list[Upload]:
    return parse_body(body, content_type, "", Preprocessing(), BodyLimits(4, 2**20))


@pytest.mark.parametrize(
    ("shape", "images"),
    [
        ((28, 28), 1),
        ((1, 28, 28), 1),
        ((28, 28, 1), 1),
        ((3, 28, 28), 1),
        ((3, 20, 20), 1),
        ((2, 28, 28), 2),
        ((28, 28, 3), 1),
        ((2, 1, 28, 28), 2),
        ((5, 5), 1),
    ],
)
def test_an_array_is_one_image_or_a_stack(shape: tuple[int, ...], images: int) -> None:
    array = np.zeros(shape, np.uint8)
    assert len(parse(saved(array), "application/x-npy")) == images
    assert len(parse(json.dumps({"images": array.tolist()}).encode(), "application/json")) == images


def test_a_colour_image_is_not_a_stack_of_grey_ones() -> None:
    assert len(split_stack(np.zeros((3, 28, 28)))) == 1
    assert len(split_stack(np.zeros((2, 3, 28, 28)))) == 2
    assert len(split_stack(np.zeros((3, 1, 28, 28)))) == 3
