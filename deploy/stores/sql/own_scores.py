r"""The scores of an image that only its family has, packed into one column of the telemetry.

A packed row says by itself what it holds, so that a new family needs no migration:

    b"logvar=f2*32 kl=f8" + b"\n" + the bytes of the numbers, little endian

A number is kept as float64 (f8), a vector as float16 (f2), a grid of indices, row by row, as 16 bits without a sign
(u2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deploy.stores.errors import StoreCorrupt

OwnScores: TypeAlias = Mapping[str, float | NDArray[Any]]
"""Of one image, by the names of its family's columns: a number, a vector (D,) of floats, or a grid of indices."""

LARGEST_INDEX = 65_535
"""As many codes as a codebook may have, less one."""

_FORMS = {"f8": "<f8", "f2": "<f2", "u2": "<u2"}


def pack_own(own: OwnScores) -> bytes | None:
    """One image's, in their order; None where there is none. ValueError for an index that is none."""
    if not own:
        return None
    arrays = {name: _stored(name, np.asarray(value)) for name, value in own.items()}
    said = " ".join(f"{name}={each.dtype.str[1:]}" + f"*{each.size}" * (each.ndim > 0) for name, each in arrays.items())
    return said.encode() + b"\n" + b"".join(each.tobytes() for each in arrays.values())


def unpack_own(rows: Sequence[bytes | None]) -> dict[str, NDArray[Any]]:
    """Columns of as many images as there are rows: (N,) float64, (N, D) float16 or (N, T) int32, missing NaN or -1.

    Without any packed row there are none. StoreCorrupt where rows of different models are among them.
    """
    split = [None if row is None else row.split(b"\n", 1) for row in rows]
    said = {each[0] for each in split if each is not None}
    if not said:
        return {}
    if len(said) > 1:
        raise StoreCorrupt(
            f"telemetry column own: expected scores of one model, found {' and '.join(sorted(map(repr, said)))}; the "
            "interval holds versions of different models, ask for one version"
        )
    form = _read_form(said.pop())
    try:
        table = np.frombuffer(b"".join(each[1] for each in split if each is not None), dtype=form)
    except ValueError as error:
        raise StoreCorrupt(f"telemetry column own: expected rows of {form.itemsize} bytes, {error}") from error
    known = np.array([each is not None for each in split])
    return {name: _spread(table[name], known) for name in form.names or ()}


def _stored(name: str, value: NDArray[Any]) -> NDArray[Any]:
    if not np.issubdtype(value.dtype, np.integer):
        return value.astype("<f2" if value.ndim else "<f8")
    if value.size and (int(value.min()) < 0 or int(value.max()) > LARGEST_INDEX):
        raise ValueError(
            f"telemetry: expected {name} of 0 to {LARGEST_INDEX}, came {int(value.min())} to {int(value.max())}"
        )
    return value.astype("<u2")


@lru_cache(maxsize=64)
def _read_form(said: bytes) -> np.dtype[Any]:
    fields: list[tuple[str, str, tuple[int, ...]]] = []
    for part in said.decode("ascii", "replace").split(" "):
        name, _, kind = part.partition("=")
        letters, _, width = kind.partition("*")
        if letters not in _FORMS or not (width.isdecimal() or not width) or not name:
            raise StoreCorrupt(f"telemetry column own: expected NAME=f8, f2*N or u2*N, found {part!r:.80}")
        fields.append((name, _FORMS[letters], (int(width),) if width else ()))
    return np.dtype(fields)


def _spread(values: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """The known rows at their places; float NaN or index -1 at the others."""
    kind, missing = (np.int32, -1) if values.dtype.kind == "u" else (values.dtype.newbyteorder("="), np.nan)
    column: NDArray[Any] = np.full((len(known), *values.shape[1:]), missing, kind)
    column[known] = values
    return column
