"""Lines as the release before wrote them: what a running installation has in its ledger when it is updated."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from deploy.record.kind import Kind
from deploy.stores.sql.ledger import Ledger

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Told = tuple[dict[str, Any], str]
"""The body of a line, and the sentence that a person reads of it."""


def assert_goes_on(ledger: Ledger, kind: Kind[Any], told: Told) -> None:
    """A line of before is read, told in its sentence, and written so that it is read again."""
    written, sentence = told
    ledger.record(kind.name, "of before", json.dumps(written), NOW)

    line = kind.newest(ledger, "of before")
    assert line is not None
    assert kind.say(line.body) == sentence
    assert kind.write(ledger, "of today", line.body, NOW, key=f"once:{kind.name}")
    assert not kind.write(ledger, "of today", line.body, NOW, key=f"once:{kind.name}")

    (again,) = kind.lines(ledger, "of today")
    assert (again.body, again.key, again.at) == (line.body, f"once:{kind.name}", NOW)
    assert [each.id for each in kind.lines(ledger, limit=2)] == [again.id, line.id]
    assert kind.newest(ledger, "of nobody") is None


def assert_refused(kind: Kind[Any], told: Told, changes: dict[str, Any]) -> None:
    """Such a line is written, but not with these changes."""
    kind.model.model_validate(told[0])
    with pytest.raises(ValidationError):
        kind.model.model_validate({**told[0], **changes})
