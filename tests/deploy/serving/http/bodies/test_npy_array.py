"""The reader of .npy bodies against NumPy's own: the same arrays, and every malformed header a 400."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.lib import format as npy

from deploy.serving.errors import Problem
from deploy.serving.http.bodies.limits import BodyLimits
from deploy.serving.http.bodies.npy_array import MOST_HEADER_BYTES, read_npy
from vae_core.images.preprocessing import Preprocessing

GREY = Preprocessing()
ROOMY = BodyLimits(max_images=100_000, max_values=2**40)
VERSIONS = [(1, 0), (2, 0), (3, 0)]
DTYPES = [
    order + kind for order in "<>" for kind in ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "b1")
]


def saved(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    file = io.BytesIO()
    npy.write_array(file, array, version, allow_pickle=True)
    return file.getvalue()


def with_header(header: bytes, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header + data


def read(body: bytes, limits: BodyLimits = ROOMY) -> np.ndarray:
    return read_npy(body, GREY, limits)


@given(
    array=hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=4, max_side=5)),
    fortran=st.booleans(),
    version=st.sampled_from(VERSIONS),
)
@pytest.mark.filterwarnings("ignore:Stored array in format [23].0")
def test_every_array_of_numbers_is_read_as_numpy_reads_it(
    array: np.ndarray, fortran: bool, version: tuple[int, int]
) -> None:
    body = saved(np.asfortranarray(array) if fortran and array.ndim else array, version)
    result = read(body)
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array)
    assert np.shares_memory(result, np.frombuffer(body, np.uint8))


PARTS = st.sampled_from(
    ["{", "}", "(", ")", "[", "]", "'", '"', "'''", ",", ":", "\\", "\n", "\t", "\0", "é", "#", "-", "*", "lambda: 0"]
    + ["'descr'", "'fortran_order'", "'shape'", "'<f4'", "'|u1'", "'|O'", "'<U3'", "'<M8[s]'", "True", "False", "None"]
    + ["(28, 28)", "(-1,)", "(0,)", "(1e9,)", "(10**9,)", "(999999999999999999,)", "9" * 5000, "(" * 300, "-" * 900]
    + [
        "[('a', '<f4')]",
        "{1: 2}",
        "3",
        "1L",
        "descr",
        "b''",
        "f''",
        "0x1c",
        "1_0",
        "\ud800".encode("utf-8", "replace").decode(),
    ]
)
HEADERS = st.lists(PARTS, max_size=25).map("".join) | st.builds(
    "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}".format, PARTS, PARTS, PARTS
)


@settings(max_examples=500)
@given(header=HEADERS | st.text(max_size=60), data=st.binary(max_size=40), version=st.sampled_from(VERSIONS))
def test_no_header_raises_anything_but_a_400(header: str, data: bytes, version: tuple[int, int]) -> None:
    try:
        read(with_header(header.encode("utf-8", "replace"), data, version))
    except Problem as problem:
        assert problem.status == 400
        assert "\n" not in str(problem) and len(str(problem)) < 400


@settings(max_examples=500)
@given(data=st.data())
def test_a_damaged_file_is_a_400_or_what_numpy_reads(data: st.DataObject) -> None:
    body = bytearray(saved(np.arange(12, dtype=np.float32).reshape(3, 4)))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(body[: data.draw(st.integers(0, len(body)) | st.just(len(body)))])
    try:
        array = read(damaged)
    except Problem as problem:
        assert problem.status == 400
        return
    # a byte that NumPy minds in a place that says nothing, such as the padding, may stay unnoticed here
    assert array.size * array.itemsize == 48


HONEST = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "begins with b''"),
        (b"PK\x03\x04 an npz", "begins with b'PK"),
        (b"\x93NUMPY", "expected version 1.0, 2.0 or 3.0"),
        (b"\x93NUMPY\x01", "expected version 1.0, 2.0 or 3.0 of the format, came 1"),
        (b"\x93NUMPY\x04\x00\x00\x00", "came 4.0"),
        (b"\x93NUMPY\x01\x00", "within its header, after 8 of 10 bytes"),
        (with_header(HONEST)[:40], "it ends within its header, after 40 of"),
        (with_header(HONEST), "its header says (2, 2) float32, 16 bytes, and 0 came"),
        (with_header(HONEST, bytes(15)), "16 bytes, and 15 came"),
        (with_header(HONEST, bytes(17)), "16 bytes, and 17 came"),
        (with_header(b" " * (MOST_HEADER_BYTES + 1)), f"at most {MOST_HEADER_BYTES} bytes, came one of 4097"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "came one of 4294967295"),
        (
            with_header(HONEST.replace(b"(2, 2)", b"(1000000, 100000000)"), bytes(16)),
            "400000000000000 bytes, and 16 came",
        ),
        (with_header(HONEST.replace(b"2, 2", b"999999999999999999, 999999999999999999")), "and 0 came"),
        (with_header(HONEST.replace(b"2, 2", b"9" * 19 + b", 1")), "expected a header"),
        (with_header(HONEST.replace(b"2, 2", b"-1, -4"), bytes(16)), "expected a header"),
        (with_header(HONEST.replace(b"2, 2", b"0, 28")), "the array is empty: its shape is (0, 28)"),
        (with_header(HONEST.replace(b"2, 2", b"1, 1, 1, 2, 2"), bytes(16)), "at most 4 axes (N, C, H, W), came 5"),
        (with_header(b"{'descr': '|u1', oops oops\n"), "came \"{'descr': '|u1', oops oops\""),  # SyntaxError
        (with_header(b"{'descr': '''\n"), "expected a header"),  # TokenError
        (with_header(b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 3: 4}\n", b"0"), "3: 4"),  # TypeError
        (with_header(b"-" * 4000 + b"1\n"), "expected a header"),  # RecursionError, MemoryError
        (with_header(b"(" * 4000 + b"\n"), "expected a header"),
        (with_header(b"\xff\xfe\x00", version=(3, 0)), "expected a header"),  # UnicodeDecodeError
        (with_header(HONEST + HONEST), "expected a header"),
        (with_header(b"x" + HONEST), "expected a header"),
        (with_header(HONEST.replace(b"'shape'", b"'other'")), "expected a header"),
        (with_header(HONEST.replace(b"'<f4'", b"[('a', '<f4')]")), "expected a header"),  # a structure
        (with_header(HONEST.replace(b"<f4", b"|O")), "it holds '|O'"),
        (with_header(HONEST.replace(b"<f4", b"<U100000")), "it holds '<U100000'"),
        (with_header(HONEST.replace(b"<f4", b"|S0")), "it holds '|S0'"),
        (with_header(HONEST.replace(b"<f4", b"|V8")), "it holds '|V8'"),
        (with_header(HONEST.replace(b"<f4", b"<c8")), "it holds '<c8'"),
        (with_header(HONEST.replace(b"<f4", b"<f16")), "integers or floats of at most 8 bytes, it holds '<f16'"),
        (with_header(HONEST.replace(b"<f4", b"<M8")), "it holds '<M8'"),
        (with_header(HONEST.replace(b"<f4", b"<i3")), "it holds '<i3'"),
        (saved(np.array([None, 1])), "it holds '|O'"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_each_malformed_file_is_a_400_that_says_why(body: bytes, words: str) -> None:
    with pytest.raises(Problem) as caught:
        read(body)
    assert caught.value.status == 400
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        b"{'shape': (2, 2), 'fortran_order': False, 'descr': '<f4'}",
        b'{"descr": "<f4", "fortran_order": False, "shape": (2L, 2L)}\n',
        b"{'descr':'<f4','fortran_order':False,'shape':(2,2,),}" + b" " * 2000 + b"\n",
    ],
)
def test_headers_of_other_writers_are_read(header: bytes) -> None:
    values = np.array([[1, 2], [3, 4]], "<f4")
    np.testing.assert_array_equal(read(with_header(header, values.tobytes())), values)


@pytest.mark.parametrize(
    ("shape", "limits", "words"),
    [
        ((5, 28, 28), BodyLimits(4, 2**20), "at most 4 images in one request, came 5: split it .serving.max_images"),
        ((8_000_000, 1, 1), BodyLimits(256, 2**30), "at most 256 images in one request, came 8000000"),
        ((3, 1, 1), BodyLimits(4, 1600), "at most 1600 values .* came 2352 in 3 images of 1x28x28.*serving.max_values"),
        ((40, 50), BodyLimits(4, 1600), "at most 1600 values .* came 2000 in an array of .40, 50..*serving.max_values"),
    ],
)
def test_more_than_a_limit_is_a_413_that_names_the_setting(
    shape: tuple[int, ...], limits: BodyLimits, words: str
) -> None:
    with pytest.raises(Problem, match=words) as caught:
        read(saved(np.zeros(shape, np.uint8)), limits)
    assert caught.value.status == 413
