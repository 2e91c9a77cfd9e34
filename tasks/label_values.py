"""What a retraining knows of the labels of its images."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class SuspectedImage(BaseModel):
    """An image whose label does not fit it: by digest and name, the label it has, the one that fits better.

    score: how far the given label is believed, in [0, 1]; low is suspect.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    name: str
    source: str
    given: str
    better: str
    score: Annotated[float, Field(ge=0, le=1)]


class LabelsChecked(BaseModel):
    """The labels of a plan's catalogue version: images a kind that were judged, and the suspected ones, worst first.

    `too_few`: kinds with too few images to be judged. `older`: labelled images beyond the number that is looked at.
    `agreement`: share of the judged images that a classifier, which did not see them, labels as they are; higher is
    better, None where nothing was judged. `tells_kinds`: whether that is better than looking at no picture; where it is
    not, nobody is suspected. `page`: key of the contact sheet, empty where nothing is suspected.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    judged: dict[str, int] = {}
    too_few: dict[str, int] = {}
    older: int = 0
    agreement: float | None = None
    tells_kinds: bool = False
    suspects: tuple[SuspectedImage, ...] = ()
    page: str = ""

    @property
    def share(self) -> float:
        """Share of the judged labels that are suspected."""
        return len(self.suspects) / max(1, sum(self.judged.values()))


class LabelFigure(BaseModel):
    """One kind on `benchmark_old`: n images whose label is not suspected, and their mean error; lower is better.

    low, high: the interval of the error, None where n is too small for one. `suspected`: images of this label, wherever
    they are, that are left out of n because their label is in doubt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    n: int
    recon_error: float | None
    low: float | None
    high: float | None
    suspected: int


class LabelFigures(BaseModel):
    """The version on each kind of image that has a label, the worst first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    figures: tuple[LabelFigure, ...] = ()
