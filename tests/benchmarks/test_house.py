"""What the house's benchmark counts, on a small checkout whose counts are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.house import measure_house
from benchmarks.house_counts import (
    count_patches,
    find_enumerators,
    find_questions,
    find_untested,
    largest_room,
    read_families,
)

MODEL = "class ConvVae:\n    pass\nServed = ConvVae | None\n"
CONFIG = 'from typing import Literal\nclass ConvConfig:\n    variant: Literal["conv_vae"] = "conv_vae"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "vae_core/families/conv_vae/model.py", MODEL)
    write(tmp_path, "vae_core/config.py", CONFIG)
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_familys_classes_unions_and_words_are_read_from_its_rooms(root: Path) -> None:
    families = read_families(root)
    assert families.classes == {"ConvVae", "Served", "ConvConfig"}
    assert families.words == {"conv_vae"}


@pytest.mark.parametrize(
    "asked",
    [
        "isinstance(model, ConvVae)",
        "isinstance(model, int | ConvVae)",
        "isinstance(model, (int, models.ConvVae))",
        "issubclass(kind, ConvConfig)",
        "type(model) is ConvVae",
        "hasattr(scores, 'kl')",
        "getattr(config, 'variant', None)",
        "config.variant == 'conv_vae'",
        "name in ('conv_vae', 'another')",
        "scores.kl is None",
        "scores.codes is not None",
        "sample.quantised",
        "'kl' in scores.own",
        "'codes' not in sample.own",
        "scores.own.get('kl')",
    ],
)
def test_a_question_is_found_in_every_disguise(root: Path, asked: str) -> None:
    write(root, "tasks/one.py", f"def f(model, scores, config, name, sample, kind):\n    return {asked}\n")
    assert find_questions(root) == ["tasks/one.py:2"]


@pytest.mark.parametrize("case", ["ConvVae()", "'conv_vae'"])
def test_a_match_is_a_question_too(root: Path, case: str) -> None:
    write(root, "benchmarks/one.py", f"match model:\n    case {case}:\n        pass\n")
    assert find_questions(root) == ["benchmarks/one.py:2"]


@pytest.mark.parametrize(
    "innocent",
    [
        "isinstance(model, int)",
        "ConvVae(model)",
        "scores.kl",
        "scores.mu is None",
        "name == 'conv'",
        "hasattr(scores, 'mu')",
        "scores.kl > limit",
        "name in scores.own",
        "scores.own['kl']",
        "scores.column('kl')",
    ],
)
def test_what_asks_for_no_family_is_not_counted(root: Path, innocent: str) -> None:
    write(root, "tasks/one.py", f"def f(model, scores, name, limit):\n    return {innocent}\n")
    assert find_questions(root) == []


def test_a_family_may_ask_for_itself(root: Path) -> None:
    write(root, "vae_core/families/conv_vae/scores.py", "def f(model):\n    return isinstance(model, ConvVae)\n")
    assert find_questions(root) == []


def test_files_that_name_several_families_are_those_that_a_new_one_is_written_into(root: Path) -> None:
    both = "from vae_core.families.conv_vae.model import ConvVae\nfrom vae_core.families.vq_vae.model import VqVae\n"
    write(root, "vae_core/families/registry.py", both)
    write(root, "tasks/one.py", both.partition("\n")[0] + "\nfrom vae_core.families.registry import family_of\n")
    write(root, "vae_core/families/vq_vae/model.py", "from vae_core.families.conv_vae.model import ConvVae\n" + both)
    assert find_enumerators(root) == ["vae_core/families/registry.py"]


def test_rooms_are_folders_and_every_module_in_them_counts(root: Path) -> None:
    for number in range(3):
        write(root, f"tasks/card/file_{number}.py", "")
    write(root, "tasks/one.py", "")
    assert largest_room(root) == ("tasks/card", 3)


def test_a_module_is_tested_where_its_mirrored_place_has_a_file_of_its_name(root: Path) -> None:
    for name in ("tasks/card/rows.py", "tasks/card/cut.py", "tasks/plan.py", "tasks/errors.py", "tasks/__init__.py"):
        write(root, name, "")
    write(root, "tests/tasks/card/test_rows.py", "")
    write(root, "tests/tasks/test_plan_of_an_emergency.py", "")
    write(root, "tests/tasks/test_cut.py", "")
    missing, modules = find_untested(root)
    assert missing == ["tasks/card/cut.py", "vae_core/config.py", "vae_core/families/conv_vae/model.py"]
    assert modules == 5


def test_patches_are_counted_over_test_functions(root: Path) -> None:
    patched = "def test_a(monkeypatch):\n    monkeypatch.setattr(one, 'two', 3)\n    monkeypatch.setenv('A', '1')\n"
    write(root, "tests/test_a.py", f"{patched}async def test_b():\n    mock.patch('one')\ndef helper():\n    pass\n")
    assert count_patches(root) == (2, 2)


def test_the_bars_are_those_of_one_checkout(root: Path) -> None:
    write(root, "tasks/one.py", "def f(model):\n    return isinstance(model, ConvVae)\n")
    write(root, "tests/test_a.py", "def test_a(monkeypatch):\n    pass\n")
    found = {each.name: (each.value, each.passed) for each in measure_house(root)}
    assert found == {
        "isinstance_outside_families": (1, False),
        "files_for_a_new_family": (0, True),
        "modules_in_an_import_circle": (0, True),
        "largest_room_files": (1, True),
        "modules_without_mirrored_tests": (100, False),
        "patches_per_100_tests": (0, True),
    }
