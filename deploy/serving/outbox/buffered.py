"""A bounded queue before a slow store: the answer path offers, a thread writes, what has no room is counted.

Items stay in the queue until their write has succeeded, so the bound holds for all that is in memory, and a
store that is away for a while loses nothing that fits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Generic, TypeVar

from deploy.stores.errors import ObjectMissing, StoreFull, StoreUnavailable

Item = TypeVar("Item")
LONGEST_PAUSE_S = 30.0
# ObjectMissing at a write: the folder of the store itself is gone, an unmounted volume say.
AWAY = (StoreUnavailable, StoreFull, ObjectMissing)
_LOG = logging.getLogger("latentloop.serving")


class BufferedWriter(Generic[Item]):
    """Writes items in batches from a thread of its own.

    A batch is due when `batch_items` or `batch_bytes` have gathered, or `period_s` after its first item. A
    store that is away or full is asked again, with pauses that double up to 30 s; any other failure drops the
    batch, or it would stand in the way for ever. `on_lost(count)` hears of every item that stays unwritten.
    `away` is what a store said that is asked again, None while it takes what it is given. With `opens` an empty batch
    is written first, so that a store that is away is known before there is anything for it.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[list[Item]], None],
        *,
        batch_items: int,
        batch_bytes: int,
        period_s: float,
        queue_items: int,
        queue_bytes: int,
        size: Callable[[Item], int],
        on_lost: Callable[[int], None],
        opens: bool = False,
    ) -> None:
        self.away: str | None = None
        self.name, self._opens = name, opens
        self._write, self._size, self._on_lost = write, size, on_lost
        self._batch_items, self._batch_bytes, self._period_s = batch_items, batch_bytes, period_s
        self._queue_items, self._queue_bytes = queue_items, queue_bytes
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._first_at = 0.0
        self._stopping = self._abandoned = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"serving-{name}", daemon=True)

    @property
    def depth(self) -> int:
        """Items in memory, those of a write in progress among them."""
        return len(self._items)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def offer(self, items: Iterable[Item]) -> None:
        """Take the items that fit, count the others; never waits for the store."""
        lost = 0
        with self._changed:
            for item in items:
                size = self._size(item)
                if len(self._items) >= self._queue_items or self._bytes + size > self._queue_bytes or self._stopping:
                    lost += 1
                    continue
                if not self._items:
                    self._first_at = time.monotonic()
                self._items.append(item)
                self._bytes += size
            if self._full():
                self._changed.notify()
        if lost:
            self._on_lost(lost)

    def close(self) -> None:
        """Take nothing more and write what is left at once; `stop` waits for it."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def stop(self, timeout_s: float) -> int:
        """Close, wait at most `timeout_s` seconds for the last write; returns how many items were lost."""
        self.close()
        self._thread.join(timeout_s)
        with self._changed:
            lost = len(self._items)
            self._items.clear()
            self._bytes = 0
            self._abandoned = True
        if lost:
            self._on_lost(lost)
            _LOG.error("%s: %d not written within %.0f s of shutdown; they are lost", self.name, lost, timeout_s)
        return lost

    def _full(self) -> bool:
        return len(self._items) >= self._batch_items or self._bytes >= self._batch_bytes

    def _next_batch(self) -> list[Item]:
        """Wait until a batch is due; empty only when stopping with nothing left."""
        with self._changed:
            while not (self._stopping or self._full()):
                due_s = self._first_at + self._period_s - time.monotonic() if self._items else None
                if due_s is not None and due_s <= 0:
                    break
                # A first item does not notify, to keep offers cheap: look again after a period at the latest.
                self._changed.wait(self._period_s if due_s is None else due_s)
            batch: list[Item] = []
            weight = 0
            for item in islice(self._items, self._batch_items):
                if batch and weight + self._size(item) > self._batch_bytes:
                    break
                batch.append(item)
                weight += self._size(item)
            return batch

    def _run(self) -> None:
        if self._opens:
            self._deliver([])
        while batch := self._next_batch():
            self._deliver(batch)
            self._forget(len(batch))

    def _deliver(self, batch: list[Item]) -> None:
        """Write this very batch until it is written or refused: a reply may be lost and the write done."""
        pause_s = 0.5
        while not self._abandoned and (batch or not self._stopping):
            try:
                self._write(batch)
                self.away = None
                return
            except AWAY as error:
                self.away = str(error)
                if pause_s == 0.5:
                    _LOG.warning("%s: %s; %d items wait", self.name, error, self.depth)
                self._pause(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            except Exception:  # one bad batch must not end the thread, and lose everything after it
                _LOG.exception("%s: %d items dropped, the store refused them", self.name, len(batch))
                self._on_lost(len(batch))
                return

    def _pause(self, pause_s: float) -> None:
        """Wait after a failure; shutdown cuts it short, and then `stop` ends the tries by its timeout."""
        deadline = time.monotonic() + pause_s
        with self._changed:
            while not self._stopping and (left_s := deadline - time.monotonic()) > 0:
                self._changed.wait(left_s)
        if self._stopping:
            time.sleep(0.2)

    def _forget(self, count: int) -> None:
        with self._changed:
            for _ in range(min(count, len(self._items))):
                self._bytes -= self._size(self._items.popleft())
            self._first_at = time.monotonic()
