"""What passes between the steps of a flow: documents of older releases parse, and who reads a name reads it rightly."""

from __future__ import annotations

import pytest

from deploy.stores.catalogue import Dataset
from tasks.values import Claimed, NewKindFound, Trained
from tests.tasks.card.test_model_card import PLAN, TRAINED


def test_a_training_of_before_the_bounds_were_kept_still_parses() -> None:
    document = TRAINED.model_dump(mode="json", exclude={"information", "events", "best_step"})
    assert Trained.model_validate(document).information == ()


def test_a_new_kind_of_before_its_clusters_had_their_name_still_parses() -> None:
    found = {"n": 689, "share": 0.17, "share_low": 0.14, "purity": 0.81, "error_ratio": 2.8, "cells": 7}
    assert NewKindFound.model_validate(found).clusters == 7
    assert "cells" not in NewKindFound.model_validate(found).model_dump()


@pytest.mark.parametrize(("catalogue", "version", "named"), [("0a1b2c3d4e5f", 30, "0a1b2c3d4e5f-30"), ("", 7, "7")])
def test_the_catalogue_and_version_that_a_plan_names_on_an_artifact_are_read_from_there(
    catalogue: str, version: int, named: str
) -> None:
    plan = PLAN.model_copy(update={"catalogue": catalogue, "catalogue_version": version})
    assert plan.dataset_version == named
    assert Dataset.parse(named) == Dataset(catalogue, version)


@pytest.mark.parametrize(("outcome", "duplicate"), [("new", False), ("resumed", False), ("duplicate", True)])
def test_work_that_was_begun_before_is_continued_and_only_a_duplicate_is_not_done(
    outcome: str, duplicate: bool
) -> None:
    claimed = Claimed.model_validate({"key": "one", "owner": "me", "outcome": outcome, "attempt": 2})
    assert claimed.duplicate == duplicate
