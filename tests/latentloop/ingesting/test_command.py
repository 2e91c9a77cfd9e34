"""From a folder to what became of its files, by the real tasks; only the deployment is left out."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from deploy.stores import faults
from deploy.wiring import World
from latentloop.demo.damage import encode_png
from latentloop.errors import NothingToDo, RunFailed, RunGoesOn
from latentloop.ingesting.command import Segments, ingest_folder
from latentloop.ingesting.words import say_counts
from latentloop.quarantine.commands import app
from latentloop.quarantine.groups import group_by_reason
from latentloop.quarantine.state import read_refused
from tasks.intake.pending import policy_digest
from tests.data_checks.pictures import product
from tests.latentloop.ingesting.ingested import Say, ingested, run_tasks
from tests.tasks.arrivals import damaged, ingest, intact
from tests.tasks.opened import forget, opened


def test_every_file_of_a_mixed_folder_is_counted_once(inbox: Path) -> None:
    for seed in range(12):
        (inbox / f"{seed}.png").write_bytes(intact(seed))
    (inbox / "again.png").write_bytes(intact(3))
    (inbox / "black.png").write_bytes(damaged("black"))
    (inbox / "labels.txt").write_text("notes")
    (inbox / "huge.png").touch()
    os.truncate(inbox / "huge.png", 2**30)

    found = ingested(inbox)

    assert (found.received, found.accepted, found.refused, found.ignored) == (16, 12, 3, 1)
    assert found.reasons == {"duplicate": 1, "low_variance": 1, "too_many_bytes": 1}
    assert not found.known and not found.mostly_refused


def test_the_same_folder_again_is_known_and_a_new_file_is_not(inbox: Path) -> None:
    for seed in range(4):
        (inbox / f"{seed}.png").write_bytes(intact(seed))
    first, again = ingested(inbox), ingested(inbox)
    (inbox / "0.png").unlink()
    (inbox / "00.png").write_bytes(intact(9))
    later = ingested(inbox)

    assert (first.known, again.known, later.known) == (False, True, False)
    assert again.model_copy(update={"known": False}) == first
    assert (later.received, later.accepted, later.gone) == (5, 5, 1)


def faint(seed: int) -> bytes:
    """A good picture that the settings call flat: its variance is about a third of their least."""
    return encode_png((128 + product(seed).astype(np.float64) / 8).astype(np.uint8))


@pytest.mark.parametrize(("way", "taken_in"), [(0, 84), (1, 120), (2, 84)], ids=["release", "flat ones too", "share"])
def test_a_held_folder_is_told_in_words_and_each_way_on_that_it_names_takes_the_good_ones_in(
    inbox: Path, monkeypatch: pytest.MonkeyPatch, way: int, taken_in: int
) -> None:
    for seed in range(120):
        (inbox / f"{seed}.png").write_bytes(intact(seed) if seed < 84 else faint(seed))

    said = say_counts(ingested(inbox), "UTC")

    begin = said.index(
        "held: 84 good pictures wait in quarantine and nothing is lost: too many others of their source were refused"
    )
    assert said[begin + 1] == (
        "  inbox (files): 36 of 120 were refused for low_variance (30 %, surely at least 18.07 %), "
        "`input_policy.max_refused_share = 0.01` allows 1 %"
    )
    assert "`latentloop quarantine list`" in said[begin + 2]
    ways = said[begin + 3 : begin + 6]
    assert [line[:4] for line in ways] == ["  - "] * 3
    listed = CliRunner().invoke(app, ["list"]).stdout
    for told in re.findall(r"`(input_policy\.\w+ = [0-9.]+)`", {0: "", 1: listed, 2: ways[2]}[way]):
        name, value = told.split(" = ")
        if (name == "input_policy.min_variance") == (way == 1):
            monkeypatch.setenv(f"LATENTLOOP_{name.upper().replace('.', '__')}", value)
    forget()

    command = re.findall(r"`latentloop quarantine ([^`]+)`", ways[way])[-1]
    done = CliRunner().invoke(app, shlex.split(command), catch_exceptions=False)

    assert done.exit_code == 0
    assert opened().catalogue.counts().accepted == taken_in


def test_white_icons_that_vanish_on_white_are_told_another_background_which_takes_them_in(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        icon = Image.new("RGBA", (28, 28))
        ImageDraw.Draw(icon).rectangle((4, 4, 14 + number, 20), fill="white")
        icon.save(inbox / f"{number}.png")
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__FIT", "pad")
    forget()
    assert ingested(inbox).reasons == {"low_variance": 6}

    listed = CliRunner().invoke(app, ["list"]).stdout

    assert 'all 6 are transparent and on `preprocessing.background = "#ffffff"`' in listed
    assert "min_variance" not in listed and "camera" not in listed
    (shown,) = re.findall(r'such as "(#\w+)"', listed)
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__BACKGROUND", shown)
    forget()
    assert ingested(inbox).reasons == {}
    assert opened().catalogue.counts().accepted == 6


def test_a_label_of_an_image_that_is_held_out_is_learnt_as_well(inbox: Path) -> None:
    for seed in range(2):
        (inbox / f"{seed}.png").write_bytes(intact(seed))
    ingested(inbox)
    digests = opened().catalogue.read(["digest"])["digest"].to_pylist()
    opened().digests.protect(digests[:1], "benchmarks/old")
    (inbox / "labels.csv").write_text("id,label\n0.png,shoe\n1.png,shoe\n")

    assert ingested(inbox).labelled == 2
    assert opened().catalogue.read(["label"])["label"].to_pylist() == ["shoe"] * 2


def test_a_kill_before_the_labels_are_put_loses_none(inbox: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(name: str, moment: str) -> None:
        if (name, moment) == ("catalogue.label", "before"):
            raise Killed

    (inbox / "0.png").write_bytes(intact(0))
    ingested(inbox)
    (inbox / "labels.csv").write_text("id,label\n0.png,shoe\n")
    with faults.installed(kill), pytest.raises(Killed):
        ingested(inbox)

    assert ingested(inbox).labelled == 1
    assert opened().catalogue.read(["label"])["label"].to_pylist() == ["shoe"]


def test_a_file_that_is_too_large_is_in_quarantine_by_name_until_it_is_smaller(inbox: Path) -> None:
    (inbox / "0.png").write_bytes(intact(0))
    for name, size in (("large.png", 200_000), ("huge.png", 2**29)):
        (inbox / name).touch()
        os.truncate(inbox / name, size)
    ingested(inbox)
    ingested(inbox)

    huge, large = read_refused(opened())
    assert (huge.name, huge.reason, large.name, large.source) == ("huge.png", "too_many_bytes", "large.png", "inbox")
    assert large.since is not None and large.unread
    (group,) = group_by_reason([huge, large], policy_digest(opened()), ("PNG",))
    assert "`input_policy.max_bytes = 200000` accepts 1 of these 2, no setting the others" in group.advice
    assert group.other_settings == 0

    (inbox / "huge.png").unlink()
    (inbox / "large.png").write_bytes(intact(1))
    assert ingested(inbox).accepted == 2
    assert read_refused(opened()) == []
    assert opened().catalogue.counts().accepted == 2


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "found no file at all: name the folder that has the pictures, then `latentloop ingest FOLDER` again"),
        (
            ["a.txt", "b.txt", "c.csv", "below/d.txt"],
            "found none that can be used among what lies there (3 .txt; 1 .csv): name the folder that has the "
            "pictures, then `latentloop ingest FOLDER` again",
        ),
        (
            [f"a.{letter}xt" for letter in "bcdefghi"],
            "1 .gxt; 2 of other endings): name the folder",
        ),
        (["all.zip"], "(1 .zip): unpack the archives, then `latentloop ingest FOLDER` again"),
        ([".hidden.png"], "(1 hidden: .hidden.png): rename what begins with a dot, then"),
    ],
    ids=["empty", "texts", "many endings", "archive", "hidden"],
)
def test_a_folder_without_an_image_is_one_line(inbox: Path, names: list[str], message: str) -> None:
    for name in names:
        (inbox / name).parent.mkdir(exist_ok=True)
        (inbox / name).write_text("x")

    with pytest.raises(NothingToDo) as refused:
        ingested(inbox)

    assert message in str(refused.value)
    assert str(refused.value).startswith(f"{inbox}: looked for pictures in it and in all folders below, ")


def test_a_folder_whose_pictures_lie_behind_a_link_says_so(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.png").write_bytes(intact(1))
    (inbox / "pictures").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(NothingToDo, match=r"1 linked folders.*: pictures\): name the folder that a link leads to"):
        ingested(inbox)


def test_a_folder_of_files_that_are_all_too_large_is_counted_without_a_run(inbox: Path) -> None:
    (inbox / "huge.png").write_bytes(bytes(100_001))

    found = ingest_folder(opened(), inbox, str, run=lambda *_: pytest.fail("nothing to run for"))

    assert (found.received, found.refused, found.segments) == (1, 1, 0)
    assert found.mostly_refused


def test_a_segment_that_the_run_did_not_take_in_is_a_failure(inbox: Path) -> None:
    (inbox / "1.png").write_bytes(intact(1))

    with pytest.raises(RunFailed, match="1 of 1 segments were not ingested"):
        ingest_folder(opened(), inbox, str, run=lambda *_: None)


def test_segments_are_counted_as_they_reach_the_ledger(inbox: Path) -> None:
    (inbox / "1.png").write_bytes(intact(1))
    seen: list[tuple[int | None, int | None, int | None]] = []

    def run(world: World, waiting: Sequence[str], say: Say) -> None:
        segments = Segments(world.ledger, waiting)
        before = segments.count_done()
        ingest()
        seen.append((segments.total, before, segments.count_done()))

    ingest_folder(opened(), inbox, str, run=run)

    assert seen == [(1, 0, 1)]


def test_whoever_leaves_while_packing_is_told_that_the_same_command_goes_on(inbox: Path) -> None:
    for number in range(3):
        (inbox / f"{number}.png").write_bytes(intact(number))

    def press_ctrl_c(name: str, moment: str) -> None:
        if (name, moment) == ("captures.segment", "after"):
            raise KeyboardInterrupt

    with (
        faults.installed(press_ctrl_c),
        pytest.raises(RunGoesOn, match="left while packing: nothing is lost, the same command goes on"),
    ):
        ingest_folder(opened(), inbox, str, run=run_tasks)
    assert ingest_folder(opened(), inbox, str, run=run_tasks).accepted == 3
