"""The labels on a model card: the version on each kind of image, and how many labels may be wrong."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.label_errors import SHEET
from tasks.label_values import LabelFigure, LabelFigures, LabelsChecked

SHOWN = 20  # kinds on the card, the worst first


def label_rows(checked: LabelsChecked | None, figures: LabelFigures | None, run_id: str) -> list[str]:
    """A sentence and a table; nothing for a catalogue without labels."""
    if checked is None or not checked.judged:
        return []
    lines = [_sentence(checked, run_id), ""]
    if figures is None or not figures.figures:
        return lines
    shown = figures.figures[:SHOWN]
    lines += [
        "| label, on benchmark_old | n | recon_error (lower is better) | interval | labels in doubt |",
        "|---|---|---|---|---|",
        *(_row(each) for each in shown),
        "",
    ]
    if len(shown) < len(figures.figures):
        lines += [f"{len(figures.figures) - len(shown):,} more labels, with smaller errors, are left out here.", ""]
    return lines


def _sentence(checked: LabelsChecked, run_id: str) -> str:
    n = sum(checked.judged.values())
    if not checked.tells_kinds:
        said = (
            f"Labels: the pictures hardly tell these {len(checked.judged)} kinds, so none of {n:,} labels is doubted."
        )
    elif not checked.suspects:
        said = f"Labels: none of {n:,} is suspected to be wrong."
    else:
        page = f"/get-artifact?path={SHEET}&run_uuid={run_id}"
        said = (
            f"Labels: {len(checked.suspects):,} of {n:,} may be wrong ([pictures]({page})); they count for no figure "
            "by label, and nothing was changed."
        )
    older = f" The newest {n:,} were looked at, {checked.older:,} older ones were not." if checked.older else ""
    return said + older + _too_few(checked.too_few)


def _too_few(kinds: dict[str, int]) -> str:
    if not kinds:
        return ""
    names: Sequence[str] = sorted(kinds)[:SHOWN]
    more = f" and {len(kinds) - len(names)} more" if len(kinds) > len(names) else ""
    return f" Too few images to judge: {', '.join(_plain(each) for each in names)}{more}."


def _row(figure: LabelFigure) -> str:
    error = "" if figure.recon_error is None else f"{figure.recon_error:.5f}"
    interval = f"too few ({figure.n:,})"
    if figure.low is not None and figure.high is not None:
        interval = f"{figure.low:.5f} to {figure.high:.5f}"
    return f"| {_plain(figure.label)} | {figure.n:,} | {error} | {interval} | {figure.suspected:,} |"


def _plain(label: str) -> str:
    """A label as text of a table: names come from folders and files."""
    return " ".join(label.replace("|", "\\|").replace("`", "'").replace("<", "&lt;").split())
