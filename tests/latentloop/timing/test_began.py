"""The time that a command counts from is that of its process, not of its first line of Python."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

IMPORTS_S = 4.0
CODE = f"""
import time
time.sleep({IMPORTS_S})
from latentloop.timing.began import process_began
print(process_began().isoformat())
"""


def test_a_process_began_before_its_imports() -> None:
    before = datetime.now(UTC)
    process = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True)
    started = datetime.now(UTC)
    said, _ = process.communicate(timeout=400)
    ended = datetime.now(UTC)

    began, tick = datetime.fromisoformat(said.strip()), timedelta(seconds=0.03)
    assert before <= began <= started + tick
    assert ended - began >= timedelta(seconds=IMPORTS_S)
