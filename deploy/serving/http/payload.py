"""From a request body to the images in it: encoded files or arrays, one or many, nothing decoded yet.

Bodies: an image file as it is (`image/png` and the other types of pictures, `application/octet-stream`: its bytes say
what it is), files as `multipart/form-data`, `{"images": nested numbers}` as `application/json`, an array as
`application/x-npy`. In arrays integers are the levels 0 to 255 and floats are [0, 1]; a stack of images is
(N, C, H, W), and of grey ones (N, H, W) too, but for N = 3, which may be a colour image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from python_multipart.multipart import parse_options_header

from deploy.serving.errors import Problem
from deploy.serving.http.bodies.json_array import read_json
from deploy.serving.http.bodies.limits import BodyLimits
from deploy.serving.http.bodies.multipart import read_files
from deploy.serving.http.bodies.npy_array import read_npy
from deploy.serving.http.bodies.stack import split_stack
from vae_core.images.preprocessing import Preprocessing

FILE_TYPES = (
    "image/png", "image/jpeg", "image/jpg", "image/webp", "image/tiff", "image/bmp", "image/gif", "image/avif",
    "application/octet-stream",
)  # fmt: skip
TYPES = (*FILE_TYPES, "multipart/form-data", "application/json", "application/x-npy")


@dataclass(frozen=True, slots=True)
class Upload:
    """One image as it came: the bytes of a file, or an array of any shape and numeric dtype."""

    name: str
    content: bytes | np.ndarray


def parse_body(
    body: bytes, content_type: str, content_encoding: str, preprocessing: Preprocessing, limits: BodyLimits
) -> list[Upload]:
    """Find the images of a body, at least one; what that may cost is in `bodies.limits`.

    Raises `Problem` 415 for a type that is not read, 400 for a body that is not of its type, 413 for more
    than `limits` allow.
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
        files = read_files(body, options.get(b"boundary", b""), preprocessing, limits)
        return [Upload(name, content) for name, content in files]
    read = read_json if kind == "application/json" else read_npy
    return [Upload("", image) for image in split_stack(read(body, preprocessing, limits))]


def _short(text: str) -> str:
    return repr(text[:120])
