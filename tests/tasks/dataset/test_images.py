"""Frozen sets of images: named by what they hold, read as they were written, and by manifests of older releases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from deploy.record.holdouts import BenchmarkSet
from deploy.stores.objects.local import LocalObjects
from deploy.stores.objects.port import ObjectStore
from tasks.dataset.images import (
    benchmark_digests,
    new_kind_images,
    probing_digests,
    read_benchmark,
    write_benchmark,
)
from tests.vae_core.synthetic_images import boxes
from vae_core.images.preprocessing import Preprocessing

GREY = Preprocessing(height=8, width=8)
DIGESTS = ["c", "a", "e", "b", "d"]


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return LocalObjects(tmp_path)


def write(objects: ObjectStore, digests: list[str], **more: frozenset[str]) -> BenchmarkSet:
    return write_benchmark(objects, "new", boxes(5), digests, ("camera",), GREY, **more)


def test_a_set_is_read_as_it_was_written_in_its_order_and_as_many_as_are_asked_for(objects: ObjectStore) -> None:
    written = write(objects, DIGESTS)
    assert (written.n, written.sources, written.preprocessing) == (5, ("camera",), GREY.digest)
    np.testing.assert_array_equal(read_benchmark(objects, written, 100), boxes(5))
    np.testing.assert_array_equal(read_benchmark(objects, written, 2), boxes(5)[:2])
    assert benchmark_digests(objects, written.prefix) == DIGESTS


def test_a_set_is_named_by_the_images_that_it_holds_whatever_their_order(objects: ObjectStore) -> None:
    first, again = write(objects, DIGESTS), write(objects, sorted(DIGESTS))
    other = write(objects, [*DIGESTS[:4], "f"])
    assert first.prefix == again.prefix and first.prefix.startswith("benchmarks/new-")
    assert other.prefix != first.prefix


def test_images_of_the_new_kind_are_found_among_the_others(objects: ObjectStore) -> None:
    written = write(objects, DIGESTS, new_kind=frozenset({"e", "c", "b", "elsewhere"}))
    assert written.n_new_kind == 3
    np.testing.assert_array_equal(new_kind_images(objects, written, 2), boxes(5)[[0, 2]])
    assert new_kind_images(objects, write(objects, DIGESTS), 12).shape == (0, 1, 8, 8)


def test_copies_are_looked_for_of_all_but_the_images_of_a_group_that_was_cut(objects: ObjectStore) -> None:
    written = write(objects, DIGESTS, of_cut_groups=frozenset({"a", "d"}))
    assert probing_digests(objects, written.prefix) == ["c", "e", "b"]


def test_a_manifest_from_before_groups_and_kinds_were_named_has_none(objects: ObjectStore) -> None:
    written = write(objects, DIGESTS, new_kind=frozenset("a"), of_cut_groups=frozenset("a"))
    key = f"{written.prefix}/manifest.json"
    manifest = json.loads(objects.get(key).data)
    old = {name: value for name, value in manifest.items() if name not in ("new_kind", "of_cut_groups")}
    objects.put(key, json.dumps(old).encode())
    assert probing_digests(objects, written.prefix) == DIGESTS
    assert len(new_kind_images(objects, written, 12)) == 0
