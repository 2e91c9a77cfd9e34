"""Finished steps of a run: kept once, whoever writes at the same moment, and read by whoever carries the run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.stores.objects.local import LocalObjects
from deploy.stores.objects.port import ObjectStore
from tasks.run.steps import finish_step, finished_step, step_key
from tasks.values import Excluded

MINE, THEIRS = Excluded(digests=("a",)), Excluded(digests=("b", "c"))


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return LocalObjects(tmp_path)


def test_a_step_that_was_not_finished_is_none(objects: ObjectStore) -> None:
    finish_step(objects, "another", "excluded", MINE)
    assert finished_step(objects, "one", "excluded", Excluded) is None


def test_of_two_that_finish_a_step_the_first_is_kept_and_both_go_on_with_it(objects: ObjectStore) -> None:
    assert finish_step(objects, "one", "excluded", MINE) == MINE
    assert finish_step(objects, "one", "excluded", THEIRS) == MINE
    assert finished_step(objects, "one", "excluded", Excluded) == MINE


def test_a_step_that_was_taken_away_is_finished_anew(objects: ObjectStore) -> None:
    finish_step(objects, "one", "excluded", MINE)
    objects.delete(step_key("one", "excluded"))
    assert finish_step(objects, "one", "excluded", THEIRS) == THEIRS
