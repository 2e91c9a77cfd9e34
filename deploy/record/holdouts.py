"""Ledger lines of hold-outs: the sets of images that are frozen to be measured on, and never trained on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from deploy.record.kind import Kind


class BenchmarkSet(BaseModel):
    """A frozen hold-out: where its images lie, their digest, and the sources that training must not touch.

    `n_new_kind`: how many of its images were found to be of the new kind; which ones is in its manifest.
    `preprocessing`: digest of what made its pixels; None in files of before it was kept. `cut`: how it was chosen, how
    many and why, for a person; empty in such files too. Without sources its images are known by their digests alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    name: Literal["old", "new"]
    prefix: str
    digest: str
    n: Annotated[int, Field(ge=1)]
    sources: tuple[str, ...]
    n_new_kind: Annotated[int, Field(ge=0)] = 0
    preprocessing: str | None = None
    cut: str = ""


def _say(cut: BenchmarkSet) -> str:
    return cut.cut or f"{cut.n:,} images are held out in {cut.prefix}"


BENCHMARK = Kind("benchmark", BenchmarkSet, say=_say)
"""About `old`, `old-PREPROCESSING` or `new`."""
