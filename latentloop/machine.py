"""What this machine lends to a training: its memory, and the device that trains quickest."""

from __future__ import annotations

from pathlib import Path

import psutil

CONTROL_GROUP = Path("/sys/fs/cgroup")


def memory_available(group: Path = CONTROL_GROUP) -> int:
    """Bytes that could be taken now, also where the control group of a container has less than its machine."""
    free = int(psutil.virtual_memory().available)
    try:
        most, used, parts = ((group / name).read_text() for name in ("memory.max", "memory.current", "memory.stat"))
    except OSError:
        return free
    if most.strip() == "max":
        return free
    # what files left in memory is given back when it is wanted
    files = next((int(line.split()[1]) for line in parts.splitlines() if line.startswith("inactive_file ")), 0)
    return min(free, max(0, int(most) - int(used) + files))


def quickest_device() -> str:
    """`cuda` where torch finds a GPU here, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
