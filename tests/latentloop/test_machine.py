"""What a machine lends to a training: a container has no more than its control group leaves it."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from latentloop.machine import memory_available


def write_group(folder: Path, most: str, used: int = 0, files: int = 0) -> Path:
    """A control group as the kernel shows one (cgroup v2)."""
    stat = f"anon 1024\nfile 2048\ninactive_file {files}\nactive_file 7\n"
    for name, content in (("memory.max", most), ("memory.current", str(used)), ("memory.stat", stat)):
        (folder / name).write_text(f"{content}\n")
    return folder


@pytest.mark.parametrize(
    ("most", "used", "files", "left"),
    [
        (2**20, 2**18, 0, 2**20 - 2**18),
        (2**20, 2**19, 2**18, 2**19 + 2**18),
        (2**20, 2**20, 0, 0),
        (2**20, 2**20 + 4096, 0, 0),
    ],
    ids=["what is not used", "and what files left in memory", "nothing", "never less than nothing"],
)
def test_of_a_limited_group_the_rest_can_be_taken(most: int, used: int, files: int, left: int, tmp_path: Path) -> None:
    assert memory_available(write_group(tmp_path, str(most), used, files)) == left


def test_without_a_limit_or_without_a_group_the_machine_counts(tmp_path: Path) -> None:
    most = psutil.virtual_memory().total
    (tmp_path / "unlimited").mkdir()

    for group in (write_group(tmp_path / "unlimited", "max"), tmp_path / "none"):
        assert 0 < memory_available(group) <= most


def test_a_group_that_may_have_more_than_the_machine_has_no_more_than_the_machine(tmp_path: Path) -> None:
    assert memory_available(write_group(tmp_path, str(2**60))) <= psutil.virtual_memory().total
