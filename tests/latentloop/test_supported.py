"""Systems and Pythons that the product is tested on; whoever has another one is told in one line."""

from __future__ import annotations

import pytest

from latentloop.supported import find_unsupported


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (3, 13), (4, 0)])
def test_another_python_than_supported_is_one_line(version: tuple[int, int]) -> None:
    said = find_unsupported(version, "linux")

    assert said is not None and "\n" not in said
    assert said.startswith(f"expected Python 3.11 or 3.12, this is Python {version[0]}.{version[1]}: ")


@pytest.mark.parametrize(("platform", "name"), [("win32", "Windows"), ("darwin", "macOS"), ("freebsd14", "freebsd14")])
def test_another_system_than_supported_is_one_line(platform: str, name: str) -> None:
    said = find_unsupported((3, 11), platform)

    assert said is not None and "\n" not in said
    assert said.startswith(f"expected Linux, this is {name}: run it in a Linux container or virtual machine")


@pytest.mark.parametrize("version", [(3, 11), (3, 12)])
def test_what_is_supported_is_let_through(version: tuple[int, int]) -> None:
    assert find_unsupported(version, "linux") is None
