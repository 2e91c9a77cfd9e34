"""From a request body to the images in it: encoded files or arrays, one or many, nothing decoded yet.

Bodies: an image file as it is (`image/png`, `image/jpeg`, `application/octet-stream`), files as
`multipart/form-data`, `{"images": nested numbers}` as `application/json`, an array as `application/x-npy`. In
arrays integers are the levels 0 to 255 and floats are [0, 1]; an array is one image when its shape is one's,
a stack of images otherwise.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

import numpy as np
from numpy.lib import format as npy
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, FormParser, parse_options_header

from deploy.serving.errors import Problem
from vae_core.preprocessing import Preprocessing

FILE_TYPES = ("image/png", "image/jpeg", "application/octet-stream")
TYPES = (*FILE_TYPES, "multipart/form-data", "application/json", "application/x-npy")


@dataclass(frozen=True, slots=True)
class Upload:
    """One image as it came: the bytes of a file, or an array of any shape and numeric dtype."""

    name: str
    content: bytes | np.ndarray


def parse_body(
    body: bytes, content_type: str, content_encoding: str, preprocessing: Preprocessing, max_images: int
) -> list[Upload]:
    """Find the images of a body, at least one.

    Raises `Problem` 415 for a type that is not read, 400 for a body that is not of its type, 413 for more
    than `max_images`.
    """
    if content_encoding not in ("", "identity"):
        raise Problem(415, f"Content-Encoding {_short(content_encoding)} is not read: send the body uncompressed")
    kind_bytes, options = parse_options_header(content_type or "application/octet-stream")
    kind = kind_bytes.decode("latin-1").lower()
    if kind not in TYPES:
        raise Problem(415, f"Content-Type {_short(content_type)} is not read: expected one of {', '.join(TYPES)}")
    if kind in FILE_TYPES:
        return [Upload("", body)]
    if kind == "multipart/form-data":
        return _files(body, options.get(b"boundary", b""), max_images)
    stack = _from_json(body) if kind == "application/json" else _from_npy(body)
    if not stack.size:
        raise Problem(400, "expected at least one image, the array is empty")
    images = split_stack(stack, preprocessing)
    if len(images) > max_images:
        raise _too_many(max_images)
    return [Upload("", image) for image in images]


def split_stack(stack: np.ndarray, preprocessing: Preprocessing) -> list[np.ndarray]:
    """Split an array: one image when its shape is one's, `(H, W)` or `(C, H, W)`, else its rows.

    `(H, W, C)` counts as one too, so that the gate can say what is wrong with it.
    """
    channels, height, width = preprocessing.shape
    one = stack.ndim < 3 or stack.shape in ((channels, height, width), (height, width, channels))
    return [stack] if one else list(stack)


def _files(body: bytes, boundary: bytes, max_images: int) -> list[Upload]:
    uploads: list[Upload] = []

    def take(file: File) -> None:
        if len(uploads) == max_images:
            raise _too_many(max_images)
        name = (file.file_name or b"").decode("utf-8", "replace")
        file.file_object.seek(0)
        uploads.append(Upload(name, file.file_object.read()))

    try:
        parser = FormParser(
            "multipart/form-data",
            None,
            take,
            boundary=boundary,
            config={"MAX_MEMORY_FILE_SIZE": float("inf")},
        )
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise Problem(400, f"the multipart body cannot be read: {_short(str(error))}") from error
    if not uploads:
        raise Problem(400, "the multipart body holds no complete file; send each image as a part with a filename")
    return uploads


def _from_json(body: bytes) -> np.ndarray:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"the body is not JSON: {_short(str(error))}") from error
    if not isinstance(document, dict) or set(document) != {"images"}:
        raise Problem(400, 'expected a JSON object with the one key "images"')
    try:
        stack = np.asarray(document["images"])
    except (ValueError, OverflowError) as error:
        raise Problem(400, "images: expected nested arrays of equal lengths; one request holds one shape") from error
    return _numbers(stack)


def _from_npy(body: bytes) -> np.ndarray:
    """Read an array without numpy's own reader, which believes a header that claims a terabyte."""
    file = io.BytesIO(body)
    try:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version[0]}.{version[1]} of the format")
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
        values = np.frombuffer(body, dtype=dtype, offset=file.tell()) if dtype.kind in "biuf" else np.empty(0, dtype)
        stack = values.reshape(shape, order="F" if fortran else "C")
    except ValueError as error:
        raise Problem(400, f"the body is no .npy array of numbers: {_short(str(error))}") from error
    return _numbers(stack)


def _numbers(stack: np.ndarray) -> np.ndarray:
    if stack.dtype.kind not in "biuf":
        raise Problem(400, f"expected an array of numbers, it holds {stack.dtype}")
    return stack


def _too_many(max_images: int) -> Problem:
    return Problem(413, f"more than {max_images} images in one request; split it")


def _short(text: str) -> str:
    return repr(text[:120])
