"""The README as a reader takes it: the commands and the settings files that it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def shown_commands() -> list[list[str]]:
    """The arguments of every `latentloop` line in its blocks, in their order."""
    lines = [line for _, block in _blocks() for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("latentloop ")]


def shown_settings() -> list[str]:
    """Every block of TOML."""
    return [block for language, block in _blocks() if language == "toml"]


def _blocks() -> list[tuple[str, str]]:
    return re.findall(r"^```(\w*)\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
