"""What a person reads of a store that refused: one line, here or in a process of less rights."""

from __future__ import annotations

import subprocess
import sys

from deploy.stores.errors import StoreError


def refusal(error: StoreError) -> str:
    """What the error says; fails where that is more than a line."""
    said = str(error)
    assert "\n" not in said
    return said


def refusal_in_process(start: list[str], code: str) -> str:
    """What a store says to a process of its own, whose command begins with `start`: the error's name, and its line."""
    script = f"from deploy.stores.errors import StoreError\ntry:\n    {code}\nexcept StoreError as error:\n"
    script += "    print(type(error).__name__, error)"
    command = [*start, sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    (said,) = done.stdout.splitlines()
    return said
