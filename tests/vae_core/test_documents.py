import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from vae_core.documents import digest_document, parse_document, to_canonical_json


class Note(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    value: float = 0.0
    parts: dict[str, int] = {}


NOTES = st.builds(
    Note,
    text=st.text(st.characters(codec="utf-8")),
    value=st.floats(allow_nan=False, allow_infinity=False),
    parts=st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(-(2**53), 2**53), max_size=3),
)


@given(NOTES)
def test_a_document_survives_its_json_to_the_last_bit(note):
    assert parse_document(Note, to_canonical_json(note)) == note
    assert json.loads(to_canonical_json(note)) == note.model_dump()


def test_equal_documents_have_equal_bytes_whatever_their_order():
    one, other = Note(text="ü", parts={"b": 1, "a": 2}), Note(parts={"a": 2, "b": 1}, text="ü")
    assert to_canonical_json(one) == to_canonical_json(other)
    assert to_canonical_json(one) == '{"parts":{"a":2,"b":1},"text":"ü","value":0.0}\n'.encode()
    assert digest_document(one) == digest_document(other) != digest_document(Note(text="u"))


def test_numbers_that_json_cannot_hold_are_refused():
    with pytest.raises(ValueError, match="Out of range float"):
        to_canonical_json(Note.model_construct(text="x", value=float("inf"), parts={}))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"{", "document: Invalid JSON"),
        (b"{}", "text: Field required, came {}"),
        (b'{"text": 3, "value": "x", "more": 1}', r"text: .* came 3 \(and 2 more\)"),
        (b'{"text": "' + b"x" * 500 + b'", "parts": []}', r"parts: .* came \[\]"),
    ],
)
def test_a_problem_is_one_line_that_names_the_first_bad_field(content, complaint):
    with pytest.raises(ValueError, match=complaint) as raised:
        parse_document(Note, content)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 200
