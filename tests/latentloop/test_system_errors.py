"""What the system refused is told with what helps against just that."""

from __future__ import annotations

import errno
import os

import pytest

from latentloop.system_errors import say_system_error


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free space"),
        (errno.EACCES, "mend its rights"),
        (errno.EPERM, "mend its rights"),
        (errno.ENOTDIR, "a file is where a folder is needed: move it away"),
        (errno.EISDIR, "a folder is where a file is needed: move it away"),
        (errno.EIO, "mend what the system says"),
    ],
)
def test_what_the_system_refused_is_told_with_what_helps_against_just_that(number: int, remedy: str) -> None:
    said = say_system_error(OSError(number, os.strerror(number), "/shop/latentloop.toml"))

    assert said == f"/shop/latentloop.toml: {os.strerror(number)}: {remedy}"
    assert say_system_error(OSError("a library's own")) == "a library's own: mend what the system says"
