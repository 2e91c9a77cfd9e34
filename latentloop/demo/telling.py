"""What the demo's chapters share: the story so far, its clock, and the way to say that something did not come true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.settings import Settings
from deploy.wiring import World
from latentloop.demo.figures import FORM, Figure
from latentloop.demo.settings import Scale
from latentloop.demo.supply import Supply
from latentloop.demo.traffic import Traffic
from latentloop.errors import DemoFailed
from tasks.values import Registered

Say = Callable[[str], None]


@dataclass(slots=True)
class Chapter:
    """One chapter: its title, its seconds, and what it shows as rows of name and value."""

    title: str
    seconds: float = 0.0
    rows: list[tuple[str, str]] = field(default_factory=list)

    def show(self, name: str, value: str) -> None:
        """Add a row."""
        self.rows.append((name, value))


@dataclass(slots=True)
class Story:
    """What happened so far.

    `figures` maps a name to its measured value (None: it does not apply); `versions` names the versions by their part
    in the story: `first`, `emergency`. `pages` are written beside the report. `form`: the figures and their bars.
    """

    settings: Settings
    scale: Scale
    say: Say
    supply: Supply
    form: tuple[Figure, ...] = FORM
    tend: Callable[[], None] = lambda: None
    chapters: list[Chapter] = field(default_factory=list)
    figures: dict[str, float | None] = field(default_factory=dict)
    versions: dict[str, Registered] = field(default_factory=dict)
    season_noticed_at: float = 0.0
    detected_by: str = ""
    pictures: list[tuple[str, bytes]] = field(default_factory=list)
    pages: dict[str, bytes] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.move_into(self.settings)

    def move_into(self, settings: Settings) -> None:
        """Tell of the installation of these settings from now on: where its servers are is known once they are up."""
        self.settings, self.world = settings, World(settings)

    @contextmanager
    def chapter(self, title: str) -> Iterator[Chapter]:
        """Time a chapter; whatever died meanwhile is started again at its end."""
        self.say(f"— {title}")
        chapter, began = Chapter(title), time.monotonic()
        self.chapters.append(chapter)
        yield chapter
        chapter.seconds = time.monotonic() - began
        self.tend()


def expect(true: bool, what: str) -> None:
    """End the demo with `expected ...` unless it is so."""
    if not true:
        raise DemoFailed(f"expected {what}")
