"""The JSON reader against the standard library's: the same arrays, and nothing that it would not take."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deploy.serving.errors import Problem
from deploy.serving.http.bodies.json_array import PIECE, read_json
from deploy.serving.http.bodies.limits import MOST_JSON_NUMBERS, BodyLimits
from vae_core.images.preprocessing import Preprocessing

ANY_SIZE = Preprocessing(fit="stretch")
ROOMY = BodyLimits(max_images=100_000, max_values=2**40)

NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(width=64), st.integers(0, 255))
SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n\t", " :\r\n")])


def read(body: bytes, limits: BodyLimits = ROOMY, preprocessing: Preprocessing = ANY_SIZE) -> np.ndarray:
    return read_json(body, preprocessing, limits)


def nested(numbers: list[Any], shape: tuple[int, ...]) -> Any:
    """Nest a flat list in C order, with Python alone."""
    for side in reversed(shape[1:]):
        numbers = [numbers[start : start + side] for start in range(0, len(numbers), side)]
    return numbers


def one_document(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) != 1:
        raise ValueError("another number of keys than one")
    return dict(pairs)


def by_the_standard_library(text: bytes) -> np.ndarray | None:
    """What a text says, None where it is not an object of nested, regular, non-empty arrays of numbers."""
    try:
        images = json.loads(text, object_pairs_hook=one_document)["images"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return None

    def leaves(value: Any) -> list[Any]:
        return [leaf for each in value for leaf in leaves(each)] if isinstance(value, list) else [value]

    numbers = leaves(images)
    if not isinstance(images, list) or not all(type(number) in (int, float) for number in numbers):
        return None
    whole = all(type(number) is int for number in numbers)
    if whole and any(not -(2**63) <= number < 2**63 for number in numbers):
        return None
    try:
        array = np.array(images, np.int64 if whole else np.float64)
    except ValueError:
        return None
    return array if 1 <= array.ndim <= 4 and array.size else None


@given(data=st.data(), shape=SHAPES, separators=SEPARATORS)
def test_every_regular_array_is_read_as_the_standard_library_reads_it(
    data: st.DataObject, shape: tuple[int, ...], separators: tuple[str, str]
) -> None:
    count = int(np.prod(shape))
    numbers = data.draw(st.lists(NUMBERS, min_size=count, max_size=count))
    document = {"images": nested(numbers, shape)}
    body = json.dumps(document, separators=separators).encode()
    expected = by_the_standard_library(body)
    assert expected is not None
    array = read(body)
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)
    np.testing.assert_array_equal(read(json.dumps(document, indent=2).encode()), expected)


@settings(max_examples=500)
@given(
    text=st.binary(max_size=40)
    | st.text('[],0123456789.-+eE {}":n', max_size=40).map(str.encode)
    | st.text("[],1", max_size=24).map(lambda value: b'{"images":[' + value.encode() + b"]}"),
    cut=st.integers(0, 60),
    base=st.sampled_from([b'{"images": [[[1, 2.5], [3, 4]], [[5, 6], [7, 8e1]]]}', b'{"images":[[1,2],[3,4]]}', b""]),
)
@example(text=b"]2[", cut=15, base=b'{"images":[[1],[]]}')
@example(text=b",", cut=13, base=b'{"images":[[1,2],[3,4]]}')
@example(text=b'1],"images":[', cut=11, base=b'{"images":[[1,2],[3,4]]}')
@example(text=b"", cut=0, base=b'{"images":[[[1]],[1]]}')
@example(text=b"", cut=0, base=b'{"images":[1,[2]]}')
@example(text=b"", cut=0, base=b'{"images":[[1 2],[3,4]]}')
@example(text=b"", cut=0, base=b'{"images":[[1],[2]],}')
@example(text=b"", cut=0, base=b'{"images":[01]}')
@example(text=b"", cut=0, base=b'{"images":[9223372036854775808]}')
@example(text=b"", cut=0, base=b'{"images":[1e999,-Infinity,NaN]}')
@example(text=b"", cut=0, base=b'{"images":[true]}')
@example(text=b"", cut=0, base=b'{"images":5}')
def test_what_is_read_is_what_the_standard_library_reads_and_all_else_is_a_400(
    text: bytes, cut: int, base: bytes
) -> None:
    body = base[:cut] + text + base[cut:]
    expected = by_the_standard_library(body)
    if expected is None:
        with pytest.raises(Problem) as caught:
            read(body)
        assert caught.value.status == 400
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    else:
        np.testing.assert_array_equal(read(body), expected)


@pytest.mark.parametrize("shape", [(300_000,), (2, 150_000), (300, 10, 10, 10)])
def test_an_array_of_many_pieces_is_whole(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).random(shape)
    body = json.dumps({"images": array.tolist()}).encode()
    assert len(body) > 50 * PIECE
    np.testing.assert_array_equal(read(body), array)
    levels = (array * 255).astype(np.int64)
    read_levels = read(json.dumps({"images": levels.tolist()}).encode())
    assert read_levels.dtype == np.int64
    np.testing.assert_array_equal(read_levels, levels)


def test_a_byte_order_mark_before_the_object_is_read_over() -> None:
    assert read(b'\xef\xbb\xbf {"images": [[1]]}\n').tolist() == [[1]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"x", "not JSON of the wanted form"),
        (b"", "not JSON of the wanted form"),
        (b'{"images": [[[[', "came '{\"images\": [[[['"),
        (b'{"images": [[[[' + b" " * 99, 'came 114 bytes from \'{"images": [[[['),
        (b'{"pictures": [1]}', '{"pictures": [1]}'),
        (b"{}", "expected {\"images\": nested arrays of numbers}, came '{}'"),
        (b"", "nested arrays of numbers}, came nothing"),
        (b'{"images": null}', "expected nested arrays of numbers, such as [[0, 255], [128, 64]], came 'null'"),
        (b'{"images": 3}', "expected nested arrays of numbers, such as [[0, 255], [128, 64]], came '3'"),
        (b'{"images": true}', "[128, 64]], came 'true'"),
        (b'{"images": "abc"}', "[128, 64]], came '\"abc\"'"),
        (b'{"images": {"a": 1}}', "[128, 64]], came '{\"a\": 1}'"),
        (b'{"images": }', "[128, 64]], came nothing"),
        (b'{"images":[null]}', "expected nested arrays of numbers, came 'null' at character 1"),
        (b'{"images":[[1, null]]}', "expected nested arrays of numbers, came 'null' at character 5"),
        (b'{"images":[true]}', "expected nested arrays of numbers, came 'true' at character 1"),
        (b'{"images": [1]} {}', "no key but"),
        (b'{"images": [1], "images": [2]}', 'no key but "images", came \'"images": [2]\' at character 6'),
        (b'{"images": [1], "more": 2}', "came '\"more\": 2' at character 6"),
        (b'{"images": ["1"]}', "came '\"1\"]' at character 2"),
        (b'{"images": [[[[[1]]]]]}', "nested at most 4 deep"),
        (b'{"images": [[], [1]]}', "one of the arrays is empty"),
        (b'{"images": [[1, 2], [3]]}', "all of equal lengths"),
        (b'{"images": [[1, 2], 3]}', "all of equal lengths"),
        (b'{"images": [[1], [2]}', "equal lengths and closed"),
        (b'{"images": [1 2]}', "a number between any two commas, came"),
        (b'{"images": [1,, 2]}', "a number between any two commas, came"),
        (b'{"images": [1, 2,]}', "a number between any two commas, came"),
        (b'{"images": [01]}', "a number between any two commas, came '01'"),
        (b'{"images": [[1][2]]}', "between two there is none"),
        (b'{"images": [' + b"9" * 65 + b"]}", "up to 64 characters; one is longer"),
        (b'{"images": [' + b"9" * 64 + b"]}", "an integer of more than 64 bits"),
        (b'{"images": [9223372036854775808]}', "an integer of more than 64 bits"),
        (b'{"images": [1' + b" " * 2 * PIECE + b", 2]}", "take out the spaces"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else "",
)
def test_each_mistake_is_named_in_one_line(body: bytes, words: str) -> None:
    with pytest.raises(Problem) as caught:
        read(body)
    assert caught.value.status == 400
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_longer_than_the_images_of_the_preprocessing_need_is_not_looked_at() -> None:
    grey, limits = Preprocessing(), BodyLimits(max_images=4, max_values=2**20)
    most = 4 * 784 * 40 + 1024
    with pytest.raises(
        Problem, match=f"at most {most} bytes of JSON, came {most + 1}: .*4?.*serving.max_images"
    ) as caught:
        read(b"x" * (most + 1), limits, grey)
    assert caught.value.status == 413
    with pytest.raises(Problem, match="not JSON"):
        read(b"x" * most, limits, grey)
    pretty = json.dumps({"images": np.random.default_rng(0).random((4, 1, 28, 28)).tolist()}, indent=1).encode()
    assert read(pretty, limits, grey).shape == (4, 1, 28, 28)


@pytest.mark.parametrize(
    ("images", "preprocessing", "limits", "words"),
    [
        (
            [0] * 3137,
            Preprocessing(),
            BodyLimits(4, 2**20),
            "at most 3136 numbers in JSON.*1x28x28.*serving.max_images",
        ),
        (
            [0] * 1001,
            ANY_SIZE,
            BodyLimits(4, 1000),
            "at most 1000 numbers in JSON.*application/x-npy.*serving.max_values",
        ),
        ([[[0]]] * 5, ANY_SIZE, BodyLimits(4, 2**20), "at most 4 images in one request, came 5.*serving.max_images"),
        (
            [[[0]]] * 3,
            ANY_SIZE,
            BodyLimits(4, 1600),
            "1600 values .* came 2352 in 3 images of 1x28x28.*serving.max_values",
        ),
    ],
)
def test_more_than_a_limit_is_a_413_that_names_the_setting(
    images: Any, preprocessing: Preprocessing, limits: BodyLimits, words: str
) -> None:
    with pytest.raises(Problem, match=words) as caught:
        read(json.dumps({"images": images}).encode(), limits, preprocessing)
    assert caught.value.status == 413


def test_more_numbers_than_belong_into_json_are_refused_whatever_the_settings_allow() -> None:
    body = b'{"images": [' + b"0," * MOST_JSON_NUMBERS + b"0]}"
    with pytest.raises(Problem, match="send application/x-npy or files") as caught:
        read(body)
    assert caught.value.status == 413
