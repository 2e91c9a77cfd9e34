from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.serving.errors import Problem
from deploy.serving.http.bodies.limits import BodyLimits
from deploy.serving.http.payload import TYPES, Upload, parse_body
from vae_core.images.preprocessing import Preprocessing

GREY = Preprocessing()


def _parse(body: bytes, content_type: str, *, encoding: str = "", max_images: int = 4) -> list[Upload]:
    return parse_body(body, content_type, encoding, GREY, BodyLimits(max_images, 2**20))


def _npy(array: np.ndarray, **options: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def _multipart(*parts: tuple[str, bytes]) -> bytes:
    lines = []
    for name, content in parts:
        lines.append(b'--cut\r\nContent-Disposition: form-data; name="images"; filename="%s"\r\n\r\n' % name.encode())
        lines.append(content + b"\r\n")
    return b"".join(lines) + b"--cut--\r\n"


@pytest.mark.parametrize(
    "kind",
    ["image/png", "IMAGE/JPEG", "image/jpg", "image/webp", "image/tiff", "image/bmp", "image/gif", "image/avif",
     "application/octet-stream", ""],
)  # fmt: skip
def test_a_file_is_one_image_as_it_is(kind: str) -> None:
    assert _parse(b"any bytes", kind) == [Upload("", b"any bytes")]


def test_a_multipart_body_holds_files_with_their_names() -> None:
    body = _multipart(("a.png", b"first"), ("b.png", b"se\r\ncond"))
    assert _parse(body, 'multipart/form-data; boundary="cut"') == [
        Upload("a.png", b"first"),
        Upload("b.png", b"se\r\ncond"),
    ]


def test_a_fortran_array_keeps_its_pixels() -> None:
    array = np.asfortranarray(np.arange(784, dtype=np.float32).reshape(28, 28))
    (upload,) = _parse(_npy(array), "application/x-npy")
    assert isinstance(upload.content, np.ndarray)
    np.testing.assert_array_equal(upload.content, array)


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"x", "image/heic", 415, "image/heic"),
        (b"x", "application/x-www-form-urlencoded", 415, "expected one of image/png"),
        (b"{", "application/json", 400, "not JSON"),
        (b"[" * 100_000, "application/json", 400, "not JSON"),
        (b"[1]", "application/json", 400, '"images"'),
        (b'{"images": [[1], [1, 2]]}', "application/json", 400, "equal lengths"),
        (b'{"images": []}', "application/json", 400, "at least one image"),
        (b'{"images": "x"}', "application/json", 400, "arrays of numbers"),
        (b'{"images": [99999999999999999999999]}', "application/json", 400, "array of numbers"),
        (b"\x93NUMPY", "application/x-npy", 400, "no .npy array"),
        (_npy(np.array([None, 1]), allow_pickle=True), "application/x-npy", 400, "array of numbers.*O"),
        (_npy(np.zeros((5, 28, 28))), "application/x-npy", 413, "at most 4 images in one request, came 5"),
        (
            _multipart(*[("x", b"x")] * 5),
            "multipart/form-data; boundary=cut",
            413,
            "at most 4 images in one request, came 5",
        ),
        (_multipart(("x", b"x"))[:-20], "multipart/form-data; boundary=cut", 400, "no complete file"),
        (b"--cut", "multipart/form-data", 400, "multipart body"),
    ],
)
def test_a_body_that_cannot_be_read_is_told_why(body: bytes, kind: str, status: int, words: str) -> None:
    with pytest.raises(Problem, match=words) as caught:
        _parse(body, kind)
    assert caught.value.status == status


def test_a_header_that_claims_a_terabyte_allocates_nothing() -> None:
    honest = _npy(np.zeros((28, 28), np.float64))
    liar = honest.replace(b"(28, 28), }        ", b"(1000000, 100000), }")
    assert len(liar) >= len(honest) and liar != honest
    with pytest.raises(Problem, match="no .npy array"):
        _parse(liar, "application/x-npy")


def test_a_compressed_body_is_not_read() -> None:
    with pytest.raises(Problem, match="gzip") as caught:
        _parse(b"x", "image/png", encoding="gzip")
    assert caught.value.status == 415


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300), kind=st.sampled_from([*TYPES, "multipart/form-data; boundary=b"]))
def test_no_body_raises_anything_but_a_problem(body: bytes, kind: str) -> None:
    try:
        uploads = _parse(body, kind)
    except Problem:
        return
    assert 1 <= len(uploads) <= 4
