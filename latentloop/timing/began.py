"""When this process began: what its user decided she decided before, whatever changed while the program was loaded."""

from __future__ import annotations

from datetime import UTC, datetime

import psutil


def process_began() -> datetime:
    """Aware, UTC."""
    return datetime.fromtimestamp(psutil.Process().create_time(), UTC)
