"""README and tutorial as a reader takes them: the commands and the settings files that they show."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
TUTORIAL = README.parent / "docs" / "your-own-images.md"


def shown_commands() -> list[list[str]]:
    """The arguments of every `latentloop` line in its blocks, in their order."""
    lines = [line for _, block in _blocks(README) for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("latentloop ")]


def shown_settings() -> list[str]:
    """Every block of TOML."""
    return [block for language, block in _blocks(README) if language == "toml"]


def tutorial_commands() -> list[str]:
    """Every block of shell commands of the tutorial, in their order."""
    return [block for language, block in _blocks(TUTORIAL) if language == "sh"]


def _blocks(page: Path) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
