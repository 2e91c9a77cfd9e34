"""When this process began: what its user decided she decided before, whatever changed while the program was loaded."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_STARTED = 19  # of the fields of /proc/self/stat after the program's name, see proc_pid_stat(5)


def process_began() -> datetime:
    """Aware, UTC; never before it began, and at most a tick (10 ms) after.

    From the age by the clock that counts since boot: the boot itself is known to a whole second only, and by that a
    process seems up to a second older than it is. A rollback went by what had served before what its user saw.
    """
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    began_s = (int(fields[_STARTED]) + 1) / os.sysconf("SC_CLK_TCK")
    age = timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME) - began_s)
    return datetime.now(UTC) - age
