"""A model card as long as the registry keeps one: whole parts of it, the first screen before the rest."""

from __future__ import annotations

from collections.abc import Sequence

_BREAK = "\n\n"


def cut_card(card: str, whole: str, *, limit: int) -> str:
    """The card, or of a longer one those parts that fit into `limit` characters, with a link to the whole of it.

    A part is a paragraph, a list, a table, or a picture with its caption, and is kept or left out whole. What leads to
    the first table and that table come first, then the pictures, then the rest; the order on the page stays.
    `whole`: the address of the whole card.
    """
    if len(card) <= limit:
        return card
    parts = _parts(card)
    left = limit - len(_link(whole, len(parts), len(parts))) - len(_BREAK)
    kept = []
    for number in _by_importance(parts):
        if len(parts[number]) + len(_BREAK) <= left:
            kept.append(number)
            left -= len(parts[number]) + len(_BREAK)
    shown = [parts[number] for number in sorted(kept)]
    return _BREAK.join([*shown, _link(whole, len(parts) - len(kept), len(parts))])


def _link(whole: str, missing: int, all_parts: int) -> str:
    left_out = f"Left out here, for length: {missing} of {all_parts} parts."
    return f"{left_out} [The whole card]({whole}) lies among the run's files."


def _parts(card: str) -> list[str]:
    """Blocks between blank lines; a caption goes with its picture."""
    parts: list[str] = []
    for block in card.split(_BREAK):
        if _is_picture(block) and parts and parts[-1].startswith("**"):
            parts[-1] += _BREAK + block
        else:
            parts.append(block)
    return parts


def _by_importance(parts: Sequence[str]) -> list[int]:
    tables = [number for number, part in enumerate(parts) if part.startswith("|")]
    end = tables[0] + 1 if tables else 1

    def rank(number: int) -> int:
        return 0 if number < end else 1 if _is_picture(parts[number]) else 2

    return sorted(range(len(parts)), key=rank)  # sorted keeps the order of equals


def _is_picture(part: str) -> bool:
    return part.rpartition(_BREAK)[2].startswith("![")
