"""JSON documents with one spelling: equal values give equal bytes, so that their sha256 can name them."""

import hashlib
import json
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Document = TypeVar("Document", bound=BaseModel)

SHA256 = r"^[0-9a-f]{64}$"
"""A sha256 in hex, as a pattern of a field."""


def to_canonical_json(document: BaseModel) -> bytes:
    """Write a document as UTF-8 JSON: keys sorted, no spaces, no NaN, one newline at the end."""
    values = document.model_dump(mode="json")
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def digest_document(document: BaseModel) -> str:
    """Name a document by the sha256, in hex, of its canonical JSON."""
    return hashlib.sha256(to_canonical_json(document)).hexdigest()


def parse_document(kind: type[Document], content: bytes) -> Document:
    """Read a document; ValueError with one line that names the first field that is wrong."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(describe_problem(error)) from error


def describe_problem(error: ValidationError) -> str:
    """Say in one line what is wrong with the first bad field, and how many more there are."""
    first, more = error.errors()[0], error.error_count() - 1
    place = ".".join(str(part) for part in first["loc"]) or "document"
    came = "" if first["type"] == "json_invalid" else f", came {first['input']!r:.80}"
    return f"{place}: {first['msg']}{came}" + (f" (and {more} more)" if more else "")
