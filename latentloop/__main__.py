"""Entry point of `latentloop` and `python -m latentloop`: says in one line where the product does not run.

Whatever an old Python cannot read is imported after the check; this file itself is written for Python 3.8.
"""

from __future__ import annotations

import sys

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


def main() -> None:
    """Check, then hand over to the command line."""
    problem = find_unsupported(sys.version_info[:2], sys.platform)
    if problem is not None:
        print("latentloop: " + problem, file=sys.stderr)
        sys.exit(1)
    try:
        from latentloop.cli import main as run
    except KeyboardInterrupt:
        print("latentloop: left before anything was begun", file=sys.stderr)
        sys.exit(130)

    run()


if __name__ == "__main__":
    main()
