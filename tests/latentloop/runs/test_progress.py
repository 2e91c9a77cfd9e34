"""The lines of a run that works in another process: where it stands, how long so far, how long still."""

from __future__ import annotations

from pathlib import Path

from deploy.stores.objects.local import LocalObjects
from deploy.stores.orchestrator import RunState
from latentloop.runs.progress import Notes, ProgressLines, describe_note
from tasks.run.progress import ProgressNote, progress_key


def note(step: str, share: float, detail: str, left_s: float | None = None) -> ProgressNote:
    return ProgressNote(step=step, share_done=share, detail=detail, left_s=left_s)


def test_a_note_says_the_step_the_share_and_about_how_long_it_goes_on() -> None:
    assert describe_note(note("training", 0.25, "step 15", 100.0)) == "training 25% step 15, about 2 min of it left"
    assert describe_note(note("planning", 0.0, "")) == "planning"


def test_whoever_still_works_is_never_said_to_be_done() -> None:
    assert describe_note(note("evaluating", 1.0, "codes")) == "evaluating 99% codes"
    assert describe_note(note("evaluating", 0.996, "codes")) == "evaluating 99% codes"


def test_each_line_says_how_long_so_far_and_none_comes_twice(tmp_path: Path) -> None:
    objects, said, now = LocalObjects(tmp_path), [], [0.0]
    lines = ProgressLines(said.append, lambda: now[0])
    lines.look(objects, "a-run")
    for share in range(10):
        objects.put(progress_key("a-run"), note("training", share / 10, f"step {share}").model_dump_json().encode())
        now[0] += 1.0
        lines.look(objects, "a-run")
    objects.put(progress_key("a-run"), note("evaluating", 0.0, "").model_dump_json().encode())
    lines.look(objects, "a-run")
    assert said == [
        "training step 0 (1 s so far)",
        "training 50% step 5 (6 s so far)",
        "evaluating (10 s so far)",
    ]


def test_what_an_interrupted_attempt_said_last_is_not_where_the_next_one_stands(tmp_path: Path) -> None:
    objects, running = LocalObjects(tmp_path), RunState(type="RUNNING", name="Running", message="")
    old, new = note("training", 0.6, "step 60"), note("training", 0.0, "step 1")
    objects.put(progress_key("a-run"), old.model_dump_json().encode())
    notes = Notes(objects, "a-run")

    assert notes.of(running).step == "running"
    objects.put(progress_key("a-run"), new.model_dump_json().encode())
    assert notes.of(running) == new
    objects.put(progress_key("a-run"), old.model_dump_json().encode())
    assert notes.of(running) == old, "the next attempt may come to the same point"
