from __future__ import annotations

import pytest

from deploy.serving.errors import Problem
from deploy.serving.http.bodies.limits import BodyLimits
from deploy.serving.http.bodies.multipart import MOST_FIELDS, MOST_HEADER_BYTES, MOST_HEADERS, read_files
from vae_core.images.preprocessing import Preprocessing

LIMITS = BodyLimits(max_images=4, max_values=2**20)
FILE = b'Content-Disposition: form-data; name="images"; filename="%d.png"'
FIELD = b'Content-Disposition: form-data; name="note"'


def read(body: bytes, boundary: bytes = b"cut") -> list[tuple[str, bytes]]:
    return read_files(body, boundary, Preprocessing(), LIMITS)


def multipart(*heads: bytes, content: bytes = b"x") -> bytes:
    return b"".join(b"--cut\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head in heads) + b"--cut--\r\n"


def test_files_are_read_between_the_fields_of_a_form() -> None:
    assert read(multipart(FIELD, FILE % 1, FIELD, FILE % 2)) == [("1.png", b"x"), ("2.png", b"x")]


def test_as_many_fields_as_a_form_has_are_read_over() -> None:
    assert len(read(multipart(*[FIELD] * MOST_FIELDS, *(FILE % n for n in range(4))))) == 4


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (multipart(*(FILE % n for n in range(5))), "at most 4 images in one request, came 5: .*serving.max_images"),
        (multipart(*[FIELD] * 600_000), "at most 68 parts in one request, came 600000: .*serving.max_images"),
    ],
    ids=["files", "fields"],
)
def test_more_parts_than_a_request_may_hold_are_a_413(body: bytes, words: str) -> None:
    with pytest.raises(Problem, match=words) as caught:
        read(body)
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("body", "boundary", "words"),
    [
        (multipart(b"X: y\r\n" * MOST_HEADERS + FILE % 1), b"cut", "header count"),
        (multipart(b"X: " + b"y" * MOST_HEADER_BYTES + b"\r\n" + FILE % 1), b"cut", "header size"),
        (multipart(FILE % 1), b"", "multipart body cannot be read"),
        (multipart(FILE % 1), b"c" * 300, "Boundary length"),
        (multipart(FIELD), b"cut", "holds no complete file"),
    ],
    ids=["headers", "a header", "no boundary", "a long boundary", "no file"],
)
def test_a_body_that_is_no_multipart_of_files_is_a_400(body: bytes, boundary: bytes, words: str) -> None:
    with pytest.raises(Problem, match=f"(?i){words}") as caught:
        read(body, boundary)
    assert caught.value.status == 400
