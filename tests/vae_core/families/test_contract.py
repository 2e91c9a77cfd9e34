"""No code outside `vae_core/families/` asks which family it has: a new one is a folder, and a line of the registry."""

from pathlib import Path

from benchmarks.house_counts import find_questions

ROOT = Path(__file__).resolve().parents[3]


def test_nobody_outside_asks_for_a_family_by_class_word_or_column() -> None:
    assert find_questions(ROOT) == []
