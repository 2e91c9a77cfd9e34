"""A hearer of a run's progress, who keeps every note, also those that come faster than they are written."""

from __future__ import annotations


class Heard:
    """Notes in their order: the step, its share done, a few words."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, float, str]] = []

    def note(self, step: str, share_done: float, detail: str, part: str = "") -> None:
        """Keep it."""
        self.notes.append((step, share_done, detail))

    @property
    def steps(self) -> list[str]:
        """The steps in which they came, each once."""
        return list(dict.fromkeys(step for step, _, _ in self.notes))
