"""The steps of `judging`, done to a child; each returns what is to be said of it."""

from __future__ import annotations

from latentloop.errors import ProcessFailed
from latentloop.supervisor.child import Child
from latentloop.supervisor.judging import Phase, Step
from latentloop.supervisor.restarts import RestartPolicy


def apply_step(step: Step, child: Child, now: float, policy: RestartPolicy) -> str | None:
    """Do it; `ProcessFailed` when the child says that it cannot run as it is configured."""
    match step:
        case Step.start:
            return _start(child, now, policy)
        case Step.welcome:
            return _welcome(child, now)
        case Step.move:
            return _move(child, now)
        case Step.name_silent:
            child.record.enter(Phase.silent, child.pulse.reason)
            return f"{child.spec.name} does not answer: {child.pulse.reason}"
        case Step.kill:
            child.kill(_why_killed(child, now))
        case Step.bury:
            return _bury(child, now, policy)
    return None


def _start(child: Child, now: float, policy: RestartPolicy) -> str | None:
    try:
        child.start()
    except OSError as error:  # no memory, no process, no room for its log
        return child.record.bury(f"cannot be started: {error}", now, policy)
    child.record.enter(Phase.starting)
    return None


def _welcome(child: Child, now: float) -> str:
    again = child.record.phase is Phase.silent
    child.record.welcome(now)
    return f"{child.spec.name} {'answers again' if again else f'is up after {now - child.started_at:.1f} s'}"


def _move(child: Child, now: float) -> str:
    assert child.spec.move is not None
    child.kill("its port was taken")
    child.forget()
    taken, child.spec = child.spec.port, child.spec.move()
    child.record.enter(Phase.waiting, f"port {taken} was taken")
    child.record.start_at = now
    return f"{child.spec.name}: port {taken} was taken by another process; it takes {child.spec.port}"


def _why_killed(child: Child, now: float) -> str:
    pulse = child.pulse
    if child.record.phase is Phase.starting:
        return f"was not up after {now - child.started_at:.0f} s ({pulse.reason}) and was killed"
    since = pulse.silent_since if pulse.silent_since is not None else now
    return f"did not answer for {now - since:.0f} s and was killed"


def _bury(child: Child, now: float, policy: RestartPolicy) -> str:
    assert child.process is not None
    code, never_up = child.process.returncode, not child.record.history.was_up and child.record.up_at is None
    fate = child.forget()
    if never_up and code == child.spec.refuses_with:
        raise ProcessFailed(f"{child.spec.name} {fate}")
    return child.record.bury(fate, now, policy)
