"""Which image sizes a network that halves them again and again can take."""

from collections.abc import Sequence


def find_size_problems(height: int, width: int, widths: Sequence[int]) -> list[str]:
    """What keeps an image of that many pixels from being halved once for each width (channels); a line each."""
    factor = 2 ** len(widths)
    problems = [
        f"{name} {size} is not a multiple of {factor}, and {len(widths)} widths halve it as often"
        for name, size in (("height", height), ("width", width))
        if size % factor
    ]
    return problems + [f"widths must be 1 to 4096 channels, came {each}" for each in widths if not 1 <= each <= 4096]
