"""The names under which a version's document has its sampling prior."""

from typing import Literal

PriorKind = Literal["gaussian_mixture", "code_transformer"]
