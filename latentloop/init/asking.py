"""One question at a time, with what is proposed as the answer of an empty line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import typer

from latentloop.errors import InitRefused
from latentloop.init.proposing.reasoned import Reasoned, said

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Person:
    """Who answers. `present` is False where flags and proposals must do."""

    present: bool

    def choose(self, question: str, wish: T | None, proposed: Reasoned[T], read: Callable[[str], T]) -> Reasoned[T]:
        """The wish where one was said, else the answer, else the proposal; asks again after what cannot be."""
        if wish is not None:
            return said(wish)
        if not self.present:
            return proposed
        while True:
            text = str(typer.prompt(f"{question} ({proposed.why})", default=str(proposed.value), err=True))
            if text == str(proposed.value):
                return proposed
            try:
                return said(read(text))
            except InitRefused as error:
                typer.echo(str(error), err=True)

    def agrees(self, question: str) -> bool:
        """Yes where nobody is asked."""
        return not self.present or bool(typer.confirm(question, default=True, err=True))
