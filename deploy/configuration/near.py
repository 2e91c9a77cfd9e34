"""The settings that somebody may have meant by a word that is none."""

from __future__ import annotations

from collections.abc import Collection
from difflib import SequenceMatcher

AT_MOST = 3
_LIKE = 0.75  # 0 to 1; below it two names have little more in common than chance
_NEARLY_AS_LIKE = 0.06


def find_near(word: str, known: Collection[str]) -> tuple[str, ...]:
    """At most three known dotted names that are like this one, the likest first; also of other tables.

    A dash for an underscore and an underscore for a dot are no difference.
    """
    scored = [(_likeness(word, each), _ratio(_flat(word), _flat(each)), each) for each in known]
    near = sorted((each for each in scored if each[0] >= _LIKE), key=lambda each: (-each[0], -each[1], each[2]))
    return tuple(name for score, _, name in near[:AT_MOST] if score >= near[0][0] - _NEARLY_AS_LIKE)


def ask(names: Collection[str]) -> str:
    """The question at the end of a message; empty where nothing is near."""
    return f"; did you mean {' or '.join(names)}?" if names else ""


def _likeness(word: str, name: str) -> float:
    """Of whole names or of their last words: a word in the wrong table is nearly a hit."""
    table, _, last = word.replace("-", "_").rpartition(".")
    known_table, _, known_last = name.rpartition(".")
    in_place = 1.0 if table == known_table else 0.95
    return max(_ratio(_flat(word), _flat(name)), in_place * _ratio(last, known_last))


def _flat(name: str) -> str:
    return name.replace("-", "_").replace(".", "_")


def _ratio(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= _LIKE else 0.0
