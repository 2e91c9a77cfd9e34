"""The pages of an installation that `latentloop open` knows; a file of its own, so that `--help` stays quick."""

from enum import StrEnum


class Page(StrEnum):
    """What there is to look at."""

    runs = "runs"
    registry = "registry"
    service = "service"
