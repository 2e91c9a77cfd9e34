"""How crowded the machine is: processes that want a core, for each core there is."""

from __future__ import annotations

import os
from collections.abc import Callable

Load = Callable[[], tuple[float, float, float]]


def measure_crowding(load: Load = os.getloadavg, cores: int | None = None) -> float:
    """At least 1, and 1 where the system does not say its load; `load` is over one, five and fifteen minutes.

    Without `cores` all of the machine count, also those that this process may not use: the load is the machine's too.
    """
    try:
        running = load()[0]
    except OSError:  # no /proc in a jail: there a silence is judged as on an idle machine
        return 1.0
    return max(1.0, running / (cores or os.cpu_count() or 1))
