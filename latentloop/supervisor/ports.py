"""Ports that are held, and the proof of who listens on them.

"Free" is a moment and "healthy" is not "mine". So a port is held by a socket that is bound and never listens: on Linux
a server that sets SO_REUSEADDR, as all of ours do, may listen on it beside us, while the kernel gives it to nobody
else. And whoever is believed to serve there is asked for the proof: the listening socket is its own, or a descendant's.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from enum import Enum

import psutil

LOOPBACK = "127.0.0.1"


class Owner(Enum):
    """Who listens on a port."""

    nobody = "nobody"
    child = "the child or a descendant"
    stranger = "another process"


class HeldPort:
    """A loopback port that stays reserved for a child until `release`."""

    def __init__(self, number: int, *holders: socket.socket) -> None:
        self.number, self._holders = number, holders

    def release(self) -> None:
        """Give the port back."""
        for holder in self._holders:
            holder.close()


def hold_port(*preferred: int) -> HeldPort:
    """The first of the preferred ports that nobody uses or holds, else one of the kernel's choice; 0 prefers none."""
    return next((held for port in preferred if port and (held := _try_to_hold(port))), None) or _hold_any()


def port_is_free(port: int) -> bool:
    """Can this loopback port be listened on, and does nobody hold it for a child?"""
    if (held := _try_to_hold(port)) is None:
        return False
    held.release()
    return True


def somebody_listens(port: int) -> bool:
    """Does anybody accept connections there?"""
    with socket.socket() as visitor:
        visitor.settimeout(1.0)
        try:
            visitor.connect((LOOPBACK, port))
        except TimeoutError:
            return True  # a full queue: whoever listens does not look at it
        except OSError:
            return False
        return True


def owner_of(port: int, pid: int) -> Owner:
    """Who listens on the port, seen from the child `pid`."""
    if not somebody_listens(port):
        return Owner.nobody
    return Owner.child if _family_listens(port, pid) else Owner.stranger


def _family_listens(port: int, pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        child = psutil.Process(pid)
        return any(_listens(port, process) for process in [child, *child.children(recursive=True)])
    return False


def _listens(port: int, process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return any(
            each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
            for each in process.net_connections(kind="tcp")
        )
    return False


def _hold_any() -> HeldPort:
    while True:
        holder = socket.socket()
        holder.bind((LOOPBACK, 0))
        if (held := _held(holder)) is not None:
            return held


def _try_to_hold(port: int) -> HeldPort | None:
    holder = socket.socket()
    with contextlib.suppress(OSError):
        holder.bind((LOOPBACK, port))
        return _held(holder)
    # connections of a server that ended a moment ago keep a port for a minute; only they may be overlooked
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with contextlib.suppress(OSError):
        if _has_ended_connections(port):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((LOOPBACK, port))
                probe.listen()
            holder.bind((LOOPBACK, port))
            return _held(holder)
    holder.close()
    return None


def _has_ended_connections(port: int) -> bool:
    ended = (psutil.CONN_TIME_WAIT, psutil.CONN_FIN_WAIT2, psutil.CONN_LAST_ACK)
    with contextlib.suppress(psutil.AccessDenied):
        connections = psutil.net_connections(kind="tcp")
        return any(each.status in ended and each.laddr and each.laddr.port == port for each in connections)
    return False


def _held(holder: socket.socket) -> HeldPort | None:
    """The port of this bound socket, held; None where another installation has its name."""
    number = int(holder.getsockname()[1])
    if sys.platform != "linux":
        holder.close()  # elsewhere a bound socket would keep the child away, too
        return HeldPort(number)
    # two that overlook ended connections could both bind the port: its name in the abstract space is one's alone
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0latentloop-port-{number}")
    except OSError:
        name.close()
        holder.close()
        return None
    # only now: a port that was bound without it is nobody else's
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return HeldPort(number, holder, name)
