"""The supervisor: gathers what is known of every part, lets `judging` decide, and does it. One pass waits for nobody.

A part that cannot be kept up is left down; what does not need it goes on.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from latentloop.supervisor.child import Child, ChildSpec
from latentloop.supervisor.errand import Errand
from latentloop.supervisor.family import reap_orphans, stop_all
from latentloop.supervisor.judging import Phase, plan_step
from latentloop.supervisor.logs import rotate
from latentloop.supervisor.pulse import Clock, Heard
from latentloop.supervisor.record import Record
from latentloop.supervisor.report import PartReport, Publication
from latentloop.supervisor.restarts import RestartPolicy
from latentloop.supervisor.steps import apply_step
from latentloop.supervisor.store import Store

Say = Callable[[str], None]


class Supervisor:
    """The parts of one installation. Not thread-safe: `tend` again and again from the main thread.

    `calm_s` is between two questions to a child that is up; `logs` are rotated beside those of the children.
    """

    def __init__(
        self,
        home: Path,
        say: Say,
        *,
        policy: RestartPolicy | None = None,
        clock: Clock = time.monotonic,
        calm_s: float = 5.0,
        logs: Sequence[Path] = (),
    ) -> None:
        self.say, self._clock, self._calm_s, self._logs = say, clock, calm_s, tuple(logs)
        self._policy = policy or RestartPolicy()
        self._children: list[Child] = []
        self._errands: list[Errand] = []
        self._stores: list[Store] = []
        self._publication = Publication(home)
        self._unbounded: set[Path] = set()
        self._ports_are_known = False

    # --- parts --------------------------------------------------------------------------------------------------

    def add(self, spec: ChildSpec) -> None:
        """A child, started at the next look after what it needs was up."""
        self._children.append(Child(spec, self._record(spec.name, spec.needs), self._clock, self._calm_s))

    def add_errand(self, name: str, work: Callable[[], None], needs: str | None = None) -> None:
        """A step that is done once, tried again when it raised."""
        self._errands.append(Errand(self._record(name, needs), work))

    def add_store(self, name: str, ask: Callable[[], Heard], *, calm_s: float = 10.0) -> None:
        """A neighbour that is not ours to start: it is only said how it stands."""
        self._stores.append(Store(name, ask, self._clock, calm_s))

    def specs(self) -> tuple[ChildSpec, ...]:
        """Every child as it is started now."""
        return tuple(child.spec for child in self._children)

    def records(self) -> list[Record]:
        """All parts, in the order of the report."""
        parts: list[Store | Child | Errand] = [*self._stores, *self._children, *self._errands]
        return [part.record for part in parts]

    def parts(self) -> tuple[PartReport, ...]:
        """All parts, as others see them."""
        pids = {child.spec.name: child.process.pid for child in self._children if child.process is not None}
        return tuple(record.report(pids.get(record.name)) for record in self.records())

    def missing(self) -> tuple[PartReport, ...]:
        """What is not up."""
        return tuple(part for part in self.parts() if part.phase is not Phase.up)

    def _record(self, name: str, needs: str | None) -> Record:
        return Record(name, needs, start_at=self._clock() if needs is None else None)

    # --- one look -----------------------------------------------------------------------------------------------

    def tend(self) -> None:
        """One look at everything; `ProcessFailed` when a child says that it cannot run as it is configured."""
        now = self._clock()
        for store in self._stores:
            self._say_if(store.step(now))
        for child in self._children:
            self._let_begin(child.record, now)
            step = plan_step(child.facts(can_move=not self._ports_are_known), child.spec.patience, now)
            self._say_if(apply_step(step, child, now, self._policy))
        reap_orphans({child.process.pid for child in self._children if child.process is not None})
        for errand in self._errands:
            self._let_begin(errand.record, now)
            self._say_if(errand.step(now, self._policy))
        for log in (*self._logs, *(spec.log for spec in self.specs())):
            self._say_if(self._rotate(log))
        self._say_if(self._publication.publish(self.parts(), now))

    def keep_ports(self) -> None:
        """From now on others know the ports: they are not chosen anew any more."""
        self._ports_are_known = True

    def finish_start(self) -> None:
        """Say to those who wait for it that the start is over, well or not."""
        self._publication.started = True
        self._say_if(self._publication.publish(self.parts(), self._clock()))

    def stop(self, grace_s: float = 10.0) -> None:
        """End everything; a second signal meanwhile changes nothing."""
        with _deaf_to_signals():
            parts: list[Store | Child] = [*self._stores, *self._children]
            for part in parts:
                if part.listener is not None:
                    part.listener.stop()
            stop_all([child.process for child in self._children if child.process is not None], grace_s)

    def _let_begin(self, record: Record, now: float) -> None:
        """Let a part begin for the first time once what it needs is up."""
        if record.phase is not Phase.waiting or record.start_at is not None:
            return
        if any(other.name == record.needs and other.phase is Phase.up for other in self.records()):
            record.start_at = now
        else:
            record.reason = f"{record.needs} must be up first"  # said of one part or of several

    def _rotate(self, log: Path) -> str | None:
        try:
            rotate(log)
        except OSError as error:  # a full disk must not end what runs
            if log not in self._unbounded:
                self._unbounded.add(log)
                return f"{log} cannot be rotated: {error}"
        return None

    def _say_if(self, line: str | None) -> None:
        if line is not None:
            self.say(line)


@contextmanager
def _deaf_to_signals() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
