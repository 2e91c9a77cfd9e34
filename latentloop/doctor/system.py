"""The machine before any setting counts: Python, the packages and their caps, the clock."""

from __future__ import annotations

import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

import deploy.settings
from deploy.settings import Settings
from deploy.shown_time import show_time
from latentloop.doctor.finding import Finding, note, ok, wrong
from latentloop.supported import find_unsupported

DISTRIBUTION = "latentloop"


def examine_python() -> Finding:
    """Is it a Python and a system that the product runs on?"""
    if problem := find_unsupported(sys.version_info[:2], sys.platform):
        return wrong("python", problem)
    return ok("python", f"Python {platform.python_version()} on {platform.system()} ({platform.machine()})")


def examine_packages() -> Finding:
    """Are all packages there, in versions that work together? A cap in the package's own list has a reason."""
    try:
        wanted = [Requirement(each) for each in requires(DISTRIBUTION) or ()]
    except PackageNotFoundError:
        return note("packages", f"{DISTRIBUTION} is not installed as a package: `pip install -c constraints.txt .`")
    always = [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    if problems := [problem for each in always if (problem := _problem_of(each))]:
        return wrong(
            "packages", f"{'; '.join(problems)}: install anew with `pip install -c constraints.txt {DISTRIBUTION}`"
        )
    return ok("packages", f"{len(always)} of {len(always)} in versions that work together")


def examine_decoders() -> Finding:
    """Do the libraries make the pixels of a picture that they made when this release was tested?"""
    from data_checks.intake.decoders import Decoders
    from data_checks.intake.golden import tell_changed_pixels

    if told := tell_changed_pixels():
        return note("decoders", told)
    return ok("decoders", f"make the pixels that they made ({Decoders.now().describe()})")


def _problem_of(wanted: Requirement) -> str | None:
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return f"{wanted.name} is missing"
    if wanted.specifier.contains(found, prereleases=True):
        return None
    return f"{wanted.name} is {found}, expected {wanted.specifier}"


def examine_clock(settings: Settings) -> Finding:
    """Is the clock later than the program, and in a zone that is known?"""
    now, made = time.time(), Path(deploy.settings.__file__).stat().st_mtime
    shown = show_time(datetime.fromtimestamp(now, UTC), settings.timezone)
    if now < made:
        return wrong("clock", f"it says {shown}, and the program itself is younger than that: set the clock")
    return ok("clock", f"{shown}, zone of {'the settings' if settings.timezone else 'the machine'}")
