"""What a person decided about a version, as lines of the ledger."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from deploy.record.approvals import APPROVAL, APPROVAL_REFUSED, OVERRIDE, REJECTION
from deploy.record.kind import Kind
from deploy.stores.sql.ledger import Ledger
from tests.deploy.record.of_before import Told, assert_goes_on, assert_refused

WRITTEN_BEFORE: dict[str, Told] = {
    "override": ({"digest": "d7", "reason": "I looked", "who": "me", "epoch": 0}, "I looked"),
    "approval": ({"digest": "d7", "how": "tag approval=approved", "after": 0}, "tag approval=approved"),
    "rejection": ({"digest": "d7", "how": "reject", "who": "me", "reason": "blurred", "after": 0}, "blurred"),
    "approval-refused": ({"digest": "d7", "reason": "no override"}, "no override"),
}


@pytest.mark.parametrize("kind", [OVERRIDE, APPROVAL, REJECTION, APPROVAL_REFUSED], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (APPROVAL, {"digest": None}),
        (APPROVAL, {"version": "7"}),
        (OVERRIDE, {"epoch": "soon"}),
        (APPROVAL_REFUSED, {"who": "me"}),
    ],
)
def test_what_nobody_may_write_is_refused(kind: Kind[Any], changes: dict[str, Any]) -> None:
    assert_refused(kind, WRITTEN_BEFORE[kind.name], changes)
