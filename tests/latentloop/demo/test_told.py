"""What a person told the demo with flags: those that do not go together are one line."""

from __future__ import annotations

import pytest

from latentloop.demo.told import DemoModel, read_told
from latentloop.errors import DemoFailed


def test_flags_that_do_not_go_together_are_one_line() -> None:
    with pytest.raises(DemoFailed, match="add --images FOLDER"):
        read_told(False, None, None, "boots")
    with pytest.raises(DemoFailed, match="--model is of the demo's own images"):
        read_told(False, DemoModel.vqvae, "folder", None)
    told = read_told(True, None, "my pictures", "boots, hats,")
    assert told.command == "latentloop demo --images 'my pictures' --season boots,hats --quick"
