"""What can go wrong in the inference service.

ServingError
├── ReleaseRefused      a release file that must not be followed: bad signature, replayed epoch
├── VersionLoadFailed   an artifact that cannot be fetched, verified, loaded or warmed up
└── Problem             an answer other than 200: an HTTP status and one line
    └── ImagesRefused   422: input validation refused images
"""

from __future__ import annotations

from dataclasses import dataclass


class ServingError(Exception):
    """Anything that this room raises."""


class ReleaseRefused(ServingError):
    """The release file must not be followed; `cause` is a short label for the metric."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class VersionLoadFailed(ServingError):
    """A version cannot serve on this replica; the one before it goes on."""


class Problem(ServingError):
    """An answer that is no result: `status` is the HTTP status, the message is one line for the client."""

    def __init__(self, status: int, message: str, *, close: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.close = close  # the body was not read to its end: the connection cannot be used again


@dataclass(frozen=True, slots=True)
class RefusedImage:
    """One image that input validation did not let in."""

    index: int
    name: str
    reason: str
    detail: str


class ImagesRefused(Problem):
    """Input validation refused at least one image of the request; none is answered."""

    def __init__(self, refused: tuple[RefusedImage, ...]) -> None:
        first = refused[0]
        super().__init__(422, f"image {first.index}: {first.reason}: {first.detail}")
        self.refused = refused
