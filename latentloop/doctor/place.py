"""Where the installation keeps its things: the home and its modes, the disk below it, the feature network, others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path

import psutil

from deploy.private_home import OTHERS
from deploy.settings import Settings
from latentloop.doctor.finding import Finding, look, note, ok, wrong
from latentloop.installation.running import find_unheeded, read_installation
from latentloop.supervisor.lock import find_holder

OWN_BYTES = 2**30
"""Databases, logs and versions of a young installation, with room to move."""
LEAST_BYTES = 2**28
"""Below it not even the databases and logs of a start find room."""
COPIES = 3
"""An image lies in its capture, in the catalogue and in the frozen benchmarks."""


def examine_place(settings: Settings) -> Iterator[Finding]:
    """All of it; nothing is made."""
    yield from look("home", _examine_home, settings.home)
    yield from look("disk", _examine_disk, settings)
    yield from look("feature network", _examine_features, settings)
    yield from look("installation", _examine_installations, settings.home)
    yield from look("in force", _examine_settings_in_force, settings)


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(each for each in (path, *path.parents) if each.exists())


def cannot_be_made(path: Path) -> str | None:
    """Why this folder cannot be made or written in by this user; None where it can."""
    above = existing(path)
    if not above.is_dir():
        return f"{above} is a file, and a folder is needed there: move it away, or name another folder"
    if not os.access(above, os.W_OK | os.X_OK):
        return f"{above} cannot be written by this user: mend its rights, or name another folder"
    return None


def _examine_home(home: Path) -> Finding:
    if problem := cannot_be_made(home):
        return wrong("home", f"{problem} with LATENTLOOP_HOME")
    if not home.exists():
        return ok("home", f"{home}, not made yet")
    found = home.stat()
    if found.st_uid != os.geteuid():
        return wrong("home", f"{home} belongs to another user: run as that user, or set LATENTLOOP_HOME")
    if found.st_mode & OTHERS:
        return note("home", f"{home} is open to other users of this machine; `latentloop up` closes it")
    return ok("home", f"{home}, this user's alone")


def _examine_disk(settings: Settings) -> Finding:
    images = settings.training.window_images
    needed = OWN_BYTES + COPIES * images * prod(settings.preprocessing.shape)
    place = existing(settings.home)
    free = shutil.disk_usage(place).free
    told = f"{free / 1e9:,.1f} GB free on the disk of {place}"
    if free < LEAST_BYTES:
        return wrong(
            "disk", f"{told}, expected at least {LEAST_BYTES / 1e9:,.1f} GB: free some, or move LATENTLOOP_HOME"
        )
    if free < needed:
        return note(
            "disk", f"{told}; {images:,} images of this size and what goes with them take {needed / 1e9:,.1f} GB"
        )
    return ok("disk", f"{told}; {images:,} images of this size and what goes with them take {needed / 1e9:,.1f} GB")


def _examine_features(settings: Settings) -> Finding:
    if settings.features_file.is_file():
        return ok("feature network", str(settings.features_file))
    return wrong("feature network", f"{settings.features_file} is missing: run `latentloop setup` once")


def _examine_installations(home: Path) -> Iterator[Finding]:
    """The one of this home, and others that take ports and memory."""
    if (holder := find_holder(home)) is not None:
        yield note("installation", f"it runs from this home already (pid {holder.pid}); `latentloop down` ends it")
    none = "none runs from this folder"
    others = [each for each in _supervisors() if holder is None or each.pid != holder.pid]
    if others:
        told = ", ".join(f"pid {each.pid} in {_folder_of(each)}" for each in others)
        shared = f"others run on this machine ({told}): they share its memory and usual ports"
        yield note("installation", f"{none}; {shared}" if holder is None else shared)
    elif holder is None:
        yield ok("installation", f"{none}, and no other was found on this machine")


def _examine_settings_in_force(settings: Settings) -> Iterator[Finding]:
    """Does the installation that runs work with these settings? Where it does not, other commands refuse."""
    if read_installation(settings.home) is not None:
        told = find_unheeded(settings)
        yield wrong("in force", told) if told else ok("in force", "what runs works with these settings")


def _supervisors() -> Iterator[psutil.Process]:
    """Every process that is `latentloop up`, of whichever user."""
    for process in psutil.process_iter(["cmdline"]):
        if is_supervisor(process.info["cmdline"] or []):
            yield process


def is_supervisor(words: Sequence[str]) -> bool:
    """Is this command line that of `latentloop up`, in a terminal or as `--detach` starts it?"""
    if words[-1:] == ["--detach"] or "up" not in words[1:]:
        return False
    program = words[: words.index("up", 1)]
    return any(Path(word).name == "latentloop" or "latentloop.cli import main" in word for word in program)


def _folder_of(process: psutil.Process) -> str:
    try:
        return str(process.cwd())
    except psutil.Error:
        return "a folder of another user"
