"""Entry point of `latentloop` and `python -m latentloop`: says in one line where the product does not run.

Whatever an old Python cannot read is imported after the check; this file and the check are written for Python 3.8.
"""

from __future__ import annotations

import sys

from latentloop.supported import find_unsupported


def main(version: tuple[int, int] = sys.version_info[:2], platform: str = sys.platform) -> None:
    """Check, then hand over to the command line."""
    problem = find_unsupported(version, platform)
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
