"""Sentences for a person where the room is limited: cut between two words, and so that one sees it."""

from __future__ import annotations

MORE = " …"


def shorten(text: str, longest: int) -> str:
    """The text in one line of at most `longest` characters; a word that would take most of it with it is cut after all.

    >>> shorten("the object store holds no artifact", 20)
    'the object store …'
    """
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    room = longest - len(MORE)
    words = line[: room + 1].rpartition(" ")[0]
    return (words if len(words) > room / 2 else line[:room]).rstrip(" ,;:") + MORE
