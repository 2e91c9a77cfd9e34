"""The files of a multipart body."""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, FormParser

from deploy.serving.errors import Problem
from deploy.serving.http.bodies.limits import BodyLimits
from vae_core.images.preprocessing import Preprocessing

# Parts that are no files, which are read over: a browser's form has a few. Each costs its parser 15 microseconds.
MOST_FIELDS = 64
# Of one part; a line of a header, in bytes, holds a file name.
MOST_HEADERS = 8
MOST_HEADER_BYTES = 4096


def read_files(
    body: bytes, boundary: bytes, preprocessing: Preprocessing, limits: BodyLimits
) -> list[tuple[str, bytes]]:
    """Read the parts with a file name: name and content of each, at least one.

    Raises `Problem` 400 for a body that is no multipart, 413 for more parts than images and a few fields.
    """
    most = limits.max_images + MOST_FIELDS
    parts = body.count(b"\r\n--" + boundary) if boundary else 0  # each part is followed by one
    if parts > most:
        raise Problem(413, f"expected at most {most} parts in one request, came {parts}: split it (serving.max_images)")
    files: list[tuple[str, bytes]] = []

    def take(file: File) -> None:
        name = (file.file_name or b"").decode("utf-8", "replace")
        file.file_object.seek(0)
        files.append((name, file.file_object.read()))

    try:
        parser = FormParser(
            "multipart/form-data",
            None,
            take,
            boundary=boundary,
            config={
                "MAX_MEMORY_FILE_SIZE": float("inf"),
                "MAX_HEADER_COUNT": MOST_HEADERS,
                "MAX_HEADER_SIZE": MOST_HEADER_BYTES,
            },
        )
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise Problem(400, f"the multipart body cannot be read: {str(error)[:120]!r}") from error
    if not files:
        raise Problem(400, "the multipart body holds no complete file; send each image as a part with a filename")
    limits.require_images(len(files), preprocessing)
    return files
