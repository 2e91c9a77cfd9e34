"""A replica that has nothing to answer with."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest


@pytest.fixture
def bare(start: Callable[..., httpx.Client]) -> httpx.Client:
    """A replica without a version."""
    return start(ready=False)
