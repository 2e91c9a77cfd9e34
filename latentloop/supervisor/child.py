"""One child process: how it is started, how it proves itself, and what is known of it now."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from latentloop.supervisor.crowding import Load, measure_crowding
from latentloop.supervisor.family import launch, signal_group
from latentloop.supervisor.judging import Facts, Patience
from latentloop.supervisor.logs import last_line
from latentloop.supervisor.ports import Owner, owner_of, somebody_listens
from latentloop.supervisor.pulse import Clock, Heard, Listener, Pulse, Sign
from latentloop.supervisor.record import Record

Probe = Callable[[datetime], Heard]


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How a child is started, and how one hears that it works.

    `probe` is asked with the time of the child's start, in a thread; it must end by itself. With a `port` nothing is
    believed before the child owns the socket that listens there; `move` makes the same child with another port, None
    where the port is not ours to choose. `needs` names the part that must have been up before the first start.
    `refuses_with` is the exit code by which it says that it cannot run as it is configured.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    probe: Probe
    patience: Patience = Patience()
    port: int | None = None
    move: Callable[[], ChildSpec] | None = None
    needs: str | None = None
    refuses_with: int | None = None


@dataclass(slots=True)
class Child:
    """A child and its record; `process` is None before the first start and after a death."""

    spec: ChildSpec
    record: Record
    clock: Clock
    calm_s: float
    load: Load = os.getloadavg
    process: subprocess.Popen[bytes] | None = None
    listener: Listener | None = None
    started_at: float = 0.0
    told_to_die: str = ""

    @property
    def pulse(self) -> Pulse:
        """What was heard of the process of now."""
        return self.listener.pulse if self.listener is not None else Pulse()

    def start(self) -> None:
        """Start it, and listen to it."""
        self.process = launch(self.spec.command, self.spec.environment, self.spec.folder, self.spec.log)
        self.started_at, self.told_to_die = self.clock(), ""
        introduced = _Introduced(self.spec, self.process.pid)
        self.listener = Listener(introduced.ask, clock=self.clock, calm_s=self.calm_s)

    def facts(self, can_move: bool) -> Facts:
        """What is known of it now."""
        ended = self.process is not None and self.process.poll() is not None
        if ended:
            self._end_family()
        return Facts(
            phase=self.record.phase,
            start_at=self.record.start_at,
            started_at=self.started_at,
            ended=ended,
            port_taken=ended and self.spec.port is not None and somebody_listens(self.spec.port),
            can_move=can_move and self.spec.move is not None,
            pulse=self.pulse,
            crowding=measure_crowding(self.load),
        )

    def kill(self, reason: str) -> None:
        """End it at once; its death is counted when it is seen."""
        self.told_to_die = reason
        if self.process is not None:
            self.process.kill()
        self._end_family()

    def forget(self) -> str:
        """Let go of a process that ended; returns its fate with the last line of its log."""
        assert self.process is not None
        self.process.wait()
        fate = self.told_to_die or f"ended with exit code {self.process.returncode}"
        if self.listener is not None:
            self.listener.stop()
        self.process = self.listener = None
        said = last_line(self.spec.log)
        return f"{fate}; it said: {said} (log: {self.spec.log})" if said else f"{fate} (log: {self.spec.log})"

    def _end_family(self) -> None:
        """What a dead server forked would keep its port; a worker's flow runs go on without it."""
        if self.spec.port is not None and self.process is not None:
            signal_group(self.process.pid, signal.SIGKILL)


@dataclass(slots=True)
class _Introduced:
    """Asks for the proof of the port until it was given, and then for health."""

    spec: ChildSpec
    pid: int
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    proven: bool = False

    def ask(self) -> Heard:
        if self.spec.port is not None and not self.proven:
            owner = owner_of(self.spec.port, self.pid)
            if owner is Owner.stranger:
                time.sleep(0.1)  # a child that began to listen between the two looks is none
                owner = owner_of(self.spec.port, self.pid)
            if owner is Owner.stranger:
                return Heard(Sign.stranger, f"another process listens on its port {self.spec.port}")
            if owner is Owner.nobody:
                return Heard(Sign.silent, f"nobody listens on its port {self.spec.port}")
            self.proven = True
        return self.spec.probe(self.since)
