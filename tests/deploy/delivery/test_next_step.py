"""The sentence that tells a person what can be done next with a version."""

from __future__ import annotations

import pytest

from deploy.delivery.causes import Cause
from deploy.delivery.history import Delivery
from deploy.delivery.next_step import say_next


@pytest.mark.parametrize(
    ("delivery", "cause", "said"),
    [
        ("promoted", None, "it serves; `latentloop rollback --reason TEXT` takes it back"),
        ("shadow", None, "it is on trial, see `latentloop status`; to take it back set `approval` to `rejected`"),
        (
            "rolled_back",
            Cause.technical,
            "to have it tried again: set `approval` to `approved`, or `latentloop approve 7`",
        ),
        (
            "rolled_back",
            Cause.quality,
            "to have it tried again: `latentloop override 7 --reason TEXT`, then set `approval` to `approved`, or "
            "`latentloop approve 7`",
        ),
    ],
)
def test_what_can_be_done_is_said_with_its_command(delivery: Delivery, cause: Cause | None, said: str) -> None:
    assert say_next("7", delivery, cause) == said
