"""The supervisor: gathers what is known of every part, lets `judging` decide, and does it. One pass waits for nobody.

A part that cannot be kept up is left down; what does not need it goes on.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from latentloop.errors import ProcessFailed
from latentloop.supervisor.child import Child, ChildSpec
from latentloop.supervisor.errand import Errand
from latentloop.supervisor.family import stop_all
from latentloop.supervisor.judging import Phase, Step, plan_step
from latentloop.supervisor.lock import this_process
from latentloop.supervisor.logs import rotate
from latentloop.supervisor.pulse import Clock, Heard, Listener
from latentloop.supervisor.record import Record
from latentloop.supervisor.report import PartReport, Report, write_report
from latentloop.supervisor.restarts import RestartPolicy

Say = Callable[[str], None]
PUBLISH_S = 10.0


class Supervisor:
    """The parts of one installation. Not thread-safe: `tend` again and again from the main thread."""

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
        self._home, self._say, self._clock, self._calm_s = home, say, clock, calm_s
        self._policy = policy or RestartPolicy()
        self._children: list[Child] = []
        self._errands: list[Errand] = []
        self._stores: list[tuple[Record, Listener]] = []
        self._logs = list(logs)
        self._holder = this_process()
        self._published: tuple[PartReport, ...] | None = None
        self._published_at = 0.0
        self.can_move = True
        self.started = False

    # --- parts --------------------------------------------------------------------------------------------------

    def add(self, spec: ChildSpec) -> None:
        """A child, started at the next look after what it needs was up."""
        self._children.append(Child(spec, Record(spec.name, spec.needs, start_at=self._at_once(spec.needs))))

    def add_errand(
        self, name: str, work: Callable[[], None], errors: tuple[type[Exception], ...], needs: str | None = None
    ) -> None:
        """A step that is done once, tried again after one of `errors`."""
        self._errands.append(Errand(Record(name, needs, start_at=self._at_once(needs)), work, errors))

    def add_store(self, name: str, ask: Callable[[], Heard], *, calm_s: float = 10.0) -> None:
        """A neighbour that is not ours to start: it is only said how it stands."""
        self._stores.append(
            (Record(name, phase=Phase.starting), Listener(ask, clock=self._clock, quick_s=calm_s / 3, calm_s=calm_s))
        )

    def specs(self) -> tuple[ChildSpec, ...]:
        """Every child as it is started now."""
        return tuple(child.spec for child in self._children)

    def records(self) -> list[Record]:
        """All parts, in the order of the report."""
        children = [child.record for child in self._children]
        return [*(store for store, _ in self._stores), *children, *(errand.record for errand in self._errands)]

    def missing(self) -> tuple[PartReport, ...]:
        """What is not up."""
        return tuple(part for part in self._parts() if part.phase is not Phase.up)

    def _at_once(self, needs: str | None) -> float | None:
        return self._clock() if needs is None else None

    # --- one look -----------------------------------------------------------------------------------------------

    def tend(self) -> None:
        """One look at everything; `ProcessFailed` when a child says that it cannot run as it is configured."""
        now = self._clock()
        for record, listener in self._stores:
            self._look_at_store(record, listener, now)
        for child in self._children:
            self._release(child.record, now)
            self._apply(plan_step(child.facts(self.can_move), child.spec.patience, now), child, now)
        for errand in self._errands:
            self._run(errand, now)
        for log in (*self._logs, *(child.spec.log for child in self._children)):
            rotate(log)
        self._publish(now)

    def _release(self, record: Record, now: float) -> None:
        """Let a part begin whose need is up."""
        if record.phase is not Phase.waiting or record.start_at is not None:
            return
        if any(other.name == record.needs and other.phase is Phase.up for other in self.records()):
            record.start_at = now
        else:
            record.reason = f"it needs {record.needs}"

    def _apply(self, step: Step, child: Child, now: float) -> None:
        if step is Step.start:
            child.start(self._clock, self._calm_s)
            child.record.enter(Phase.starting)
        elif step is Step.welcome:
            self._welcome(child, now)
        elif step is Step.move:
            self._move(child, now)
        elif step is Step.name_silent:
            self._name_silent(child, now)
        elif step is Step.kill:
            child.kill(self._why_killed(child, now))
        elif step is Step.bury:
            self._bury(child, now)

    def _welcome(self, child: Child, now: float) -> None:
        again = child.record.phase is Phase.silent
        child.record.welcome(now)
        took = "answers again" if again else f"is up after {now - child.started_at:.1f} s"
        self._say(f"{child.spec.name} {took}")

    def _move(self, child: Child, now: float) -> None:
        assert child.spec.move is not None and child.process is not None
        child.kill("its port was taken")
        child.forget()
        taken, child.spec = child.spec.port, child.spec.move()
        self._say(f"{child.spec.name}: port {taken} was taken by another process; it takes {child.spec.port}")
        child.record.enter(Phase.waiting, f"port {taken} was taken")
        child.record.start_at = now

    def _name_silent(self, child: Child, now: float) -> None:
        pulse = child.listener.pulse if child.listener is not None else None
        child.record.enter(Phase.silent, pulse.reason if pulse is not None else "")
        self._say(f"{child.spec.name} does not answer: {child.record.reason}")

    def _why_killed(self, child: Child, now: float) -> str:
        pulse = child.listener.pulse if child.listener is not None else None
        if child.record.phase is Phase.starting:
            reason = pulse.reason if pulse is not None else ""
            return f"was not up after {now - child.started_at:.0f} s ({reason}) and was killed"
        since = pulse.silent_since if pulse is not None and pulse.silent_since is not None else now
        return f"did not answer for {now - since:.0f} s and was killed"

    def _bury(self, child: Child, now: float) -> None:
        assert child.process is not None
        code, never_up = child.process.returncode, not child.record.history.was_up and child.record.up_at is None
        fate = child.forget()
        if never_up and code == child.spec.refuses_with:
            raise ProcessFailed(f"{child.spec.name} {fate}")
        self._say(child.record.bury(fate, now, self._policy))

    def _run(self, errand: Errand, now: float) -> None:
        self._release(errand.record, now)
        record = errand.record
        if record.phase in (Phase.waiting, Phase.left_down) and record.start_at is not None and now >= record.start_at:
            record.enter(Phase.starting)
            errand.start()
        if (line := errand.step(now, self._policy)) is not None:
            self._say(line)

    def _look_at_store(self, record: Record, listener: Listener, now: float) -> None:
        pulse, before = listener.pulse, record.phase
        if pulse.failures and before is not Phase.silent:
            record.enter(Phase.silent, pulse.reason)
            self._say(f"{record.name} does not answer: {pulse.reason}")
        elif not pulse.failures and pulse.answers and before is not Phase.up:
            record.welcome(now)
            if before is Phase.silent:
                self._say(f"{record.name} answers again")

    # --- the start and the end ----------------------------------------------------------------------------------

    def await_settled(self, poll_s: float = 0.2, say_every_s: float = 5.0) -> None:
        """Tend until every part is up, was left down, or needs one that was; says what is waited for."""
        began = said_at = self._clock()
        while True:
            self.tend()
            waiting = [record.name for record in self.records() if not self._settled(record)]
            if not waiting:
                return
            if self._clock() - said_at >= say_every_s:
                said_at = self._clock()
                self._say(f"waiting for {', '.join(waiting)} ({said_at - began:.0f} s)")
            time.sleep(poll_s)

    def _settled(self, record: Record) -> bool:
        if record.settled or record.phase is Phase.silent:
            return True
        needed = next((other for other in self.records() if other.name == record.needs), None)
        hopeless = needed is not None and needed.phase is not Phase.up and self._settled(needed)
        return record.phase is Phase.waiting and record.start_at is None and hopeless

    def stop(self, grace_s: float = 10.0) -> None:
        """End everything; a second signal meanwhile changes nothing."""
        with _deaf_to_signals():
            for _, listener in self._stores:
                listener.stop()
            for child in self._children:
                if child.listener is not None:
                    child.listener.stop()
            stop_all([child.process for child in self._children if child.process is not None], grace_s)

    # --- the report ---------------------------------------------------------------------------------------------

    def finish_start(self) -> None:
        """From now on ports are known to others and do not change any more; what is missing is known."""
        self.started = True
        self._published = None
        self._publish(self._clock())

    def _parts(self) -> tuple[PartReport, ...]:
        pids = {child.spec.name: child.process.pid for child in self._children if child.process is not None}
        return tuple(record.report(pids.get(record.name)) for record in self.records())

    def _publish(self, now: float) -> None:
        parts = self._parts()
        if parts == self._published and now - self._published_at < PUBLISH_S:
            return
        report = Report(holder=self._holder, at=datetime.now(UTC), started=self.started, parts=parts)
        try:
            write_report(self._home, report)
        except OSError as error:  # a full disk or a home that was removed must not end what runs
            if self._published is not None:
                self._say(f"the report of the processes cannot be written: {error}")
        self._published, self._published_at = parts, now


@contextmanager
def _deaf_to_signals() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
