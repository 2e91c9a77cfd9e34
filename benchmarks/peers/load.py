"""Peers are imported where they are measured, and one that is missing is said in one line."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

HOW = ".venv/bin/pip install --no-deps -r benchmarks/peers/requirements.txt"


class PeerMissing(RuntimeError):
    """A peer cannot be imported; the message says how to get it."""


def load_peer(module: str) -> Any:
    """Import a peer's module; its warnings on import are its own. PeerMissing with what to do where it fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ImportError as error:
        raise PeerMissing(f"the peer {module} cannot be imported ({error}): {HOW}") from error
