"""Every segment is in the tables once, whoever is killed or races; every version stays readable."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from deploy.stores.catalogue import Catalogue, CatalogueCounts, Dataset
from deploy.stores.catalogue_rows import CATALOGUE_SCHEMA, QUARANTINED_IMAGE_BYTES, CatalogueRow, QuarantineRow
from deploy.stores.errors import ObjectMissing, StoreUnavailable
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from deploy.stores.objects.local import LocalObjects
from deploy.stores.objects.port import ObjectStore
from deploy.stores.objects.s3 import S3Objects
from tests.deploy.stores.racing import PROCESSES, ObjectsAt, Racers, kill_at, run_program
from tests.servers import free_ports

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def accepted(segment: str, count: int, source: str = "camera-1") -> list[CatalogueRow]:
    return [
        CatalogueRow(
            f"{segment}-{row}", source, segment, row, NOW, f"n{row}", 28, 28, 1, 0.3, 0.1, 2.5, bytes([row % 256]) * 600
        )
        for row in range(count)
    ]


def refused(segment: str, count: int, reason: str = "truncated") -> list[QuarantineRow]:
    return [
        QuarantineRow("camera-1", segment, row, NOW, f"q{row}", reason, "expected, came", None, b"x" * 70_000)
        for row in range(count)
    ]


def test_a_catalogue_never_written_is_empty_at_version_zero(catalogue: Catalogue, objects: ObjectStore) -> None:
    assert catalogue.version() == 0
    assert catalogue.read().schema == CATALOGUE_SCHEMA
    assert catalogue.read(version=0).num_rows == 0
    assert catalogue.counts() == CatalogueCounts(accepted=0, quarantined=0, per_reason={})
    assert catalogue.committed_segments("catalogue") == set()
    assert catalogue.sources() == {}
    assert objects.keys("") == []  # looking writes nothing


def test_accepted_rows_read_back_in_the_order_of_segment_and_row(catalogue: Catalogue) -> None:
    rows = accepted("b", 3) + accepted("a", 2, "camera-2")
    assert catalogue.append_accepted(rows, ["b", "a"]) == ["b", "a"]
    table = catalogue.read()
    assert table.schema == CATALOGUE_SCHEMA
    assert [CatalogueRow(**row) for row in table.to_pylist()] == accepted("a", 2, "camera-2") + accepted("b", 3)
    assert catalogue.read(["pixels", "digest"]).column_names == ["pixels", "digest"]
    assert catalogue.read(["digest"])["digest"].to_pylist() == ["a-0", "a-1", "b-0", "b-1", "b-2"]
    assert catalogue.sources() == {"camera-1": 3, "camera-2": 2}


def test_a_segment_appended_again_is_left_out(catalogue: Catalogue) -> None:
    catalogue.append_accepted(accepted("a", 2), ["a"])
    assert catalogue.append_accepted(accepted("a", 2) + accepted("b", 1), ["a", "b"]) == ["b"]
    assert catalogue.append_accepted(accepted("a", 2), ["a"]) == []
    assert catalogue.read(["digest"])["digest"].to_pylist() == ["a-0", "a-1", "b-0"]


def test_a_segment_without_rows_is_remembered(catalogue: Catalogue) -> None:
    assert catalogue.append_accepted([], ["empty"]) == ["empty"]
    assert catalogue.append_accepted([], ["empty"]) == []
    catalogue.append_accepted(accepted("a", 1), ["a"])
    assert catalogue.committed_segments("catalogue", ["empty", "a", "other"]) == {"empty", "a"}
    assert catalogue.committed_segments("quarantine", ["empty", "a", "other"]) == set()


def test_committed_segments_are_those_of_the_captures(catalogue: Catalogue, objects: ObjectStore) -> None:
    captures = CaptureStore(objects)
    keys = [captures.write("r", number, [CapturedImage("n", "s", NOW, b"x")]) for number in range(3)]
    catalogue.append_accepted(accepted(keys[0], 1), keys[:2])
    assert catalogue.committed_segments("catalogue") == set(keys[:2])


def test_rows_of_a_segment_that_was_not_named_are_refused(catalogue: Catalogue) -> None:
    with pytest.raises(ValueError, match="stranger"):
        catalogue.append_accepted(accepted("stranger", 1), ["a"])
    assert catalogue.counts().accepted == 0


def test_quarantine_keeps_the_reason_and_the_beginning_of_the_image(catalogue: Catalogue) -> None:
    catalogue.append_quarantined(refused("a", 2) + refused("b", 1, "wrong_mode"), ["a", "b"])
    table = catalogue.read(table="quarantine")
    assert table["reason"].to_pylist() == ["truncated", "truncated", "wrong_mode"]
    assert {len(image) for image in table["image"].to_pylist()} == {QUARANTINED_IMAGE_BYTES}
    assert table["digest"].to_pylist() == [None] * 3


def test_counts_add_up(catalogue: Catalogue) -> None:
    catalogue.append_accepted(accepted("a", 5), ["a"])
    catalogue.append_quarantined(refused("a", 2) + refused("b", 1, "wrong_mode"), ["a", "b"])
    assert catalogue.counts() == CatalogueCounts(5, 3, {"truncated": 2, "wrong_mode": 1})


def test_every_version_stays_readable(catalogue: Catalogue) -> None:
    catalogue.append_accepted(accepted("a", 2), ["a"])
    version = catalogue.version()
    catalogue.append_accepted(accepted("b", 3), ["b"])
    assert catalogue.version() > version
    assert catalogue.read(["digest"], version)["digest"].to_pylist() == ["a-0", "a-1"]
    with pytest.raises(ObjectMissing, match="no such version"):
        catalogue.read(version=99)


def test_a_stream_gives_the_rows_of_a_version_once_in_any_order(catalogue: Catalogue) -> None:
    assert list(catalogue.stream(["row"])) == []
    catalogue.append_accepted(accepted("b", 3) + accepted("a", 2), ["b", "a"])
    version = catalogue.version()
    catalogue.append_accepted(accepted("c", 1), ["c"])
    parts = list(catalogue.stream(["pixels", "segment", "row"], version))
    wanted = catalogue.read(["pixels", "segment", "row"], version)
    assert {part.schema for part in parts} == {wanted.schema}
    assert pa.concat_tables(parts).sort_by([("segment", "ascending"), ("row", "ascending")]).equals(wanted)
    assert sum(len(part) for part in catalogue.stream(["digest"])) == 6


def test_rows_of_some_segments_are_read_alone_whatever_their_names(catalogue: Catalogue) -> None:
    names = ["it's", "b", "c"]
    catalogue.append_accepted([row for name in names for row in accepted(name, 2)], names)
    read = catalogue.read(["digest"], segments=["it's", "c", "nowhere"])
    assert read["digest"].to_pylist() == ["c-0", "c-1", "it's-0", "it's-1"]
    assert len(catalogue.read(["digest"], segments=[])) == 0


def test_the_newest_decision_on_a_row_counts_and_a_round_is_taken_in_once(catalogue: Catalogue) -> None:
    catalogue.append_quarantined(refused("a", 3), ["a"])
    released, still = (
        replace(row, round=1, image=b"", reason=reason)
        for row, reason in zip(refused("a", 2), ("released", "low_variance"), strict=True)
    )
    assert catalogue.append_quarantined([released, still], ["a"], {"a": 1}) == ["a"]
    assert catalogue.append_quarantined([released, still], ["a"], {"a": 1}) == []
    newest = catalogue.decisions(["image"]).to_pylist()
    assert [(row["row"], row["reason"], row["round"]) for row in newest] == [
        (0, "released", 1), (1, "low_variance", 1), (2, "truncated", 0),
    ]  # fmt: skip
    assert catalogue.counts() == CatalogueCounts(0, 2, {"low_variance": 1, "truncated": 1})
    assert catalogue.committed_rounds("quarantine", {"a": 1, "b": 1}) == {"a"}
    assert catalogue.committed_rounds("catalogue", {"a": 1}) == set()


def test_catalogues_of_two_preprocessings_know_nothing_of_each_other(objects: ObjectStore) -> None:
    one, other = Catalogue(objects, "1" * 64), Catalogue(objects, "2" * 64)
    one.append_accepted(accepted("a", 2), ["a"])
    assert (one.name, other.counts().accepted) == ("1" * 12, 0)
    assert other.append_accepted(accepted("a", 3), ["a"]) == ["a"]
    assert (one.counts().accepted, other.counts().accepted) == (2, 3)


@pytest.mark.parametrize(
    ("text", "dataset"),
    [
        ("7", Dataset("", 7)), ("0123456789ab-12", Dataset("0123456789ab", 12)), ("elsewhere", None), ("", None),
        ("0123456789ab-", None), ("-1", None), ("\u0663", None), ("9" * 30, None),
    ],
)  # fmt: skip
def test_a_data_set_is_known_by_its_name(text: str, dataset: Dataset | None) -> None:
    assert Dataset.parse(text) == dataset
    if dataset is not None:
        assert str(dataset) == text


def test_unknown_columns_are_named(catalogue: Catalogue) -> None:
    with pytest.raises(ObjectMissing, match=r"got \['nonsense'\]"):
        catalogue.read(["digest", "nonsense"])


def _append_in_process(at: ObjectsAt, segments: list[str]) -> list[str]:
    rows = [row for segment in segments for row in accepted(segment, 10)]
    return Catalogue(at.open(), "28x28").append_accepted(rows, segments)


def test_processes_that_append_the_same_segments_leave_their_rows_once(objects_at: ObjectsAt, racers: Racers) -> None:
    """The first round races for the creation of the table too; the sets of segments overlap."""
    catalogue = Catalogue(objects_at.open(), "28x28")
    for number in range(3):
        both = [f"{number}a", f"{number}b"]
        fresh = racers.race(_append_in_process, [(objects_at, both), (objects_at, both[:1])] * 2)
        assert sorted(sum(fresh, [])) == both
    assert catalogue.counts().accepted == 3 * 2 * 10
    digests = catalogue.read(["digest"])["digest"].to_pylist()
    assert len(set(digests)) == len(digests) == 60


def test_processes_that_append_different_segments_lose_no_row(objects_at: ObjectsAt, racers: Racers) -> None:
    results = racers.race(_append_in_process, [(objects_at, [f"s{number}"]) for number in range(PROCESSES)])
    assert sorted(sum(results, [])) == ["s0", "s1", "s2", "s3"]
    assert Catalogue(objects_at.open(), "28x28").counts().accepted == 40


@pytest.mark.parametrize(
    ("point", "moment", "found"),
    [("catalogue.create", "before", 0), ("catalogue.create", "after", 0), ("catalogue.append", "before", 0)]
    + [("catalogue.append", "after", 3)],
)
def test_an_append_killed_anywhere_and_run_again_leaves_the_rows_once(
    objects_at: ObjectsAt, point: str, moment: str, found: int
) -> None:
    code = f"""
        from deploy.stores.catalogue import Catalogue
        from deploy.stores.objects.opening import open_objects
        from tests.deploy.stores.test_catalogue import accepted
        objects = open_objects({objects_at.url!r}, **{objects_at.options!r})
        Catalogue(objects, "28x28").append_accepted(accepted("a", 3), ["a"])
    """
    kill_at(point, moment, code)
    catalogue = Catalogue(objects_at.open(), "28x28")
    assert catalogue.counts().accepted == found
    catalogue.append_accepted(accepted("a", 3), ["a"])
    assert catalogue.read(["digest"])["digest"].to_pylist() == ["a-0", "a-1", "a-2"]


def test_segments_are_still_known_behind_a_checkpoint_of_the_log(tmp_path: Path) -> None:
    store = LocalObjects(tmp_path)
    catalogue = Catalogue(store, "28x28")
    catalogue.append_accepted([], ["a", "b"])
    catalogue.append_accepted([], ["c"])
    DeltaTable(str(tmp_path / "catalogue-28x28")).create_checkpoint()
    for version in (0, 1):  # as if this part of the log had expired: the checkpoint alone must know
        store.delete(f"catalogue-28x28/_delta_log/{version:020d}.json")
    assert catalogue.append_accepted([], ["a", "new", "b", "c"]) == ["new"]


def test_a_full_disk_says_so_and_commits_nothing(cramped: tuple[Path, str]) -> None:
    folder, limit = cramped
    catalogue = Catalogue(LocalObjects(folder), "28x28")
    catalogue.append_accepted(accepted("a", 1), ["a"])
    script = f"""
import os
from pathlib import Path
from dataclasses import replace
from deploy.stores.catalogue import Catalogue
from deploy.stores.errors import StoreFull
from deploy.stores.objects.local import LocalObjects
from tests.deploy.stores.test_catalogue import accepted
rows = [replace(row, pixels=os.urandom(100_000)) for row in accepted("b", 20)]
{limit}
try:
    Catalogue(LocalObjects(Path({str(folder)!r})), "28x28").append_accepted(rows, ["b"])
except StoreFull as error:
    print(error)
"""
    done = run_program(script)
    # delta-rs adds the words of a thread of its own to stderr
    assert done.returncode == 0, done.stderr
    assert "no space left" in done.stdout and done.stdout.count("\n") == 1
    assert catalogue.counts().accepted == 1


def test_a_store_that_is_away_is_unavailable() -> None:
    away = S3Objects("b", endpoint_url=f"http://127.0.0.1:{free_ports(1)[0]}", access_key="k", secret_key="s")
    with pytest.raises(StoreUnavailable, match="does not answer"):
        Catalogue(away, "28x28").version()
