"""Where the product runs: the systems and Pythons that it is tested on. Written for Python 3.8, which is told so."""

from __future__ import annotations

OLDEST, NEWEST = (3, 11), (3, 12)


def find_unsupported(version: tuple[int, int], platform: str) -> str | None:
    """What to tell whoever runs another Python or system than those that are tested; None where all is well."""
    if not OLDEST <= version <= NEWEST:
        return "expected Python {}.{} or {}.{}, this is Python {}.{}: make the environment with one of those".format(
            *OLDEST, *NEWEST, *version
        )
    if platform != "linux":
        return (
            "expected Linux, this is {}: run it in a Linux container or virtual machine (on Windows in WSL 2)".format(
                {"darwin": "macOS", "win32": "Windows"}.get(platform, platform)
            )
        )
    return None
