"""A place that is watched: what is complete is ingested once, and a fault is waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentloop.errors import RunFailed
from latentloop.ingesting.command import ingest_folder
from latentloop.ingesting.folder_counts import FolderCounts
from latentloop.ingesting.watching import Watch, watch_folder
from tests.latentloop.ingesting.ingested import run_tasks
from tests.tasks.arrivals import intact
from tests.tasks.opened import opened


def test_watching_ingests_what_is_complete_once_and_goes_on_after_a_fault(inbox: Path) -> None:
    (inbox / "1.png").write_bytes(intact(1))
    said: list[str] = []
    shown: list[FolderCounts] = []

    def arrive(look: int) -> None:
        """What happens between two looks."""
        if look == 2:
            (inbox / "2.png").write_bytes(intact(2)[:20])  # begins to arrive
        elif look == 3:
            (inbox / "2.png").write_bytes(intact(2))  # and goes on
        elif look == 5:
            inbox.rename(inbox.with_name("away"))
        elif look == 6:
            inbox.with_name("away").rename(inbox)
        elif look == 8:
            raise KeyboardInterrupt

    looks = iter(range(1, 100))
    watch = Watch(opened(), inbox, said.append, run=run_tasks)
    with pytest.raises(KeyboardInterrupt):
        watch_folder(watch, said.append, shown.append, 10.0, lambda seconds: arrive(next(looks)))

    assert [(each.received, each.accepted) for each in shown] == [(1, 1), (1, 1)]
    assert said[0] == f"watching {inbox} every 10 s, until Ctrl-C"
    assert [line for line in said if "watching goes on" in line] == [
        f"{inbox}: cannot be listed (No such file or directory): mend its rights; watching goes on"
    ]
    assert opened().catalogue.counts().accepted == 2


def test_a_watch_takes_up_what_was_packed_and_not_ingested(inbox: Path) -> None:
    (inbox / "1.png").write_bytes(intact(1))
    with pytest.raises(RunFailed):
        ingest_folder(opened(), inbox, str, run=lambda *_: None)

    counts = Watch(opened(), inbox, str, run=run_tasks).look()

    assert counts is not None and counts.accepted == 1
