"""What the worst bodies cost in memory, against the bounds that `limits` states."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from deploy.serving.config import ServingConfig
from deploy.serving.errors import Problem
from deploy.serving.http.bodies.json_array import PIECE_MEMORY
from deploy.serving.http.bodies.limits import BodyLimits
from deploy.serving.http.payload import parse_body
from tests.deploy.serving.http.bodies.test_npy_array import with_header
from vae_core.images.preprocessing import Preprocessing

MEBI = 1024**2
LARGEST = ServingConfig().max_body_bytes
LIMITS = BodyLimits.of(ServingConfig())
# An eighth of what JSON may hold, for tracing slows it by ten: the bound is a sum of products with these.
NUMBERS = 512 * 1024
FEWER = BodyLimits(max_images=256, max_values=NUMBERS)
# A preprocessing that expects no number of values in an image.
ANY_SIZE = Preprocessing(fit="stretch")
# An exception with its message, the parser's tables, a thousand views.
SLACK = MEBI // 2


def images(value: bytes) -> bytes:
    return b'{"images": ' + value + b"}"


def repeated(item: bytes, count: int) -> bytes:
    return images(b"[" + item * (count - 1) + item.rstrip(b",") + b"]")


JSON_BODIES: dict[str, Callable[[], bytes]] = {
    "a long text beside short ones": lambda: images(b'["' + b"x" * 100_000 + b'"' + b',""' * 5_000 + b"]"),
    "an object of a million keys": lambda: images(b"[1]," + b",".join(b'"%d":0' % n for n in range(MEBI))),
    "brackets that are never closed": lambda: b'{"images": ' + b"[" * (LARGEST - 20),
    "brackets that close nothing": lambda: images(b"[" + b"]" * (LARGEST - 20)),
    "deep brackets": lambda: images(b"[" * (LARGEST // 3) + b"1" + b"]" * (LARGEST // 3)),
    "empty arrays": lambda: repeated(b"[],", 10 * MEBI),
    "empty objects": lambda: repeated(b"{},", 10 * MEBI),
    "more integers than fit": lambda: repeated(b"0,", 15 * MEBI),
    "the most integers": lambda: repeated(b"0,", NUMBERS),
    "the most floats": lambda: repeated(b"0.12345,", NUMBERS),
    "the most arrays": lambda: images(b"[" + b"[0]," * (NUMBERS - 1) + b"[0]]"),
    "images of one number": lambda: repeated(b"[[0]],", 5 * MEBI),
    "arrays that are ragged at the end": lambda: images(b"[" + b"[0]," * (NUMBERS - 2) + b"[0,0]]"),
    "the longest integers": lambda: repeated(b"9" * 4300 + b",", 7_000),
    "spaces": lambda: images(b"[0" + b" " * (30 * MEBI) + b",1]"),
    "exponents": lambda: repeated(b"1e999,", NUMBERS),
}


def peak_of(body: bytes, kind: str, preprocessing: Preprocessing, limits: BodyLimits = LIMITS) -> int:
    """Bytes that reading takes beside the body at its worst moment, whether it is read or refused."""
    tracemalloc.start()
    try:
        parse_body(body, kind, "", preprocessing, limits)
    except Problem as problem:
        assert problem.status in (400, 413)
        assert "\n" not in str(problem) and len(str(problem)) < 400
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize("make", JSON_BODIES.values(), ids=JSON_BODIES)
def test_no_json_takes_more_memory_than_is_stated(make: Callable[[], bytes]) -> None:
    body = make()
    assert len(body) <= LARGEST
    numbers = min(NUMBERS, len(body) // 2)
    peak = peak_of(body, "application/json", ANY_SIZE, FEWER)
    assert peak <= 3 * len(body) + 8 * numbers + PIECE_MEMORY + SLACK


@pytest.mark.parametrize("make", JSON_BODIES.values(), ids=JSON_BODIES)
def test_json_beyond_what_the_preprocessing_expects_costs_next_to_nothing(make: Callable[[], bytes]) -> None:
    body = make()
    expected = 256 * 784
    assert peak_of(body, "application/json", Preprocessing()) <= 3 * 40 * expected + 8 * expected + PIECE_MEMORY + SLACK


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ("(8388608, 1, 1)", 8 * MEBI),
        ("(33000000, 1, 1)", 33_000_000),
        ("(10000, 3300)", 33_000_000),
        ("(256,128,1024)", 32 * MEBI),
    ],
)
@pytest.mark.parametrize("order", ["True", "False"], ids=["fortran", "c"])
def test_an_array_takes_no_memory_beside_its_body(shape: str, size: int, order: str) -> None:
    header = f"{{'descr': '|u1', 'fortran_order': {order}, 'shape': {shape}}}\n".encode()
    assert peak_of(with_header(header, bytes(size)), "application/x-npy", ANY_SIZE) <= SLACK


def test_a_multipart_takes_two_copies_of_its_body() -> None:
    head = b'--cut\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n'
    body = head + bytes(8 * MEBI) + b"\r\n" + head + bytes(22 * MEBI) + b"\r\n--cut--\r\n"
    assert peak_of(body, "multipart/form-data; boundary=cut", Preprocessing()) <= 2 * len(body) + SLACK


READ = """
import resource, sys
from deploy.serving.http.bodies.limits import BodyLimits
from deploy.serving.errors import Problem
from deploy.serving.http.payload import parse_body
from vae_core.images.preprocessing import Preprocessing
body = sys.stdin.buffer.read()
parse_body(b'{"images": [[0]]}', "application/json", "", Preprocessing(), BodyLimits(256, 2**25))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    parse_body(body, sys.argv[1], "", Preprocessing(), BodyLimits(256, 2**25))
except Problem as problem:
    print(problem.status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (JSON_BODIES["a long text beside short ones"](), "application/json", 400),
        (
            with_header(b"{'descr': '|u1', 'fortran_order': False, 'shape': (8388608, 1, 1)}\n", bytes(8 * MEBI)),
            "application/x-npy",
            413,
        ),
    ],
    ids=["110 KB of JSON", "an array of 8 MB"],
)
def test_the_two_bodies_that_took_gigabytes_take_none_of_a_process(body: bytes, kind: str, status: int) -> None:
    ended = subprocess.run([sys.executable, "-c", READ, kind], input=body, capture_output=True, check=True)
    answered, kibi = (int(word) for word in ended.stdout.split())
    assert answered == status
    # before the limits 1,908 and 1,219 MB; an allocator may ask for an arena of 1 MB and pages around it
    assert kibi <= 4 * 1024


def test_the_widest_image_of_any_preprocessing_fits_into_the_smallest_limit() -> None:
    widest = Preprocessing(channels=3, height=1024, width=1024)
    smallest = BodyLimits(max_images=1, max_values=3 * 1024**2)
    smallest.require_images(1, widest)
    with pytest.raises(ValueError, match="max_values"):
        ServingConfig(max_values=3 * 1024**2 - 1)
    body = json.dumps({"images": np.zeros((3, 1024, 1024), int).tolist()}, separators=(",", ":")).encode()
    assert len(parse_body(body, "application/json", "", widest, LIMITS)) == 1
