"""A command that refuses does so in as many lines as there are problems."""

from __future__ import annotations

import subprocess


def assert_refused(done: subprocess.CompletedProcess[str], *lines: str) -> None:
    """Exit code 1, nothing on stdout, and exactly these lines (a part of each) on stderr."""
    said = done.stderr.splitlines()
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert len(said) == len(lines), done.stderr
    assert said[0].startswith("latentloop: ")
    for line, expected in zip(said, lines, strict=True):
        assert expected in line
