"""What one body may hold, asked before memory is taken for it.

A thread cannot be stopped: these limits on the work are what bounds its time, too. Beside the body of B bytes (at most
`serving.max_body_bytes`) reading takes, at most,

- for a file nothing: input validation bounds what decoding takes by its header, one file at a time;
- for an array (.npy) nothing: it is a view of the body;
- for multipart 2 B: the parser's copy and ours;
- for JSON 3 B for its brackets, 8 bytes for each of its numbers, of which there are at most `MOST_JSON_NUMBERS`, and
  `json_array.PIECE_MEMORY`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from deploy.serving.config import ServingConfig
from deploy.serving.errors import Problem
from vae_core.images.preprocessing import Preprocessing

# As an array they take 32 MiB, half of the largest body by default; more belongs into .npy or into files.
MOST_JSON_NUMBERS = 4 * 1024**2
# A float64 takes up to 24, and a pretty printer puts each on a line of its own behind an indentation.
JSON_BYTES_PER_NUMBER = 40
# Around the numbers: the key, and whitespace.
JSON_BYTES_AROUND = 1024
# (N, C, H, W)
MOST_AXES = 4


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Most images of one request, and most values (pixels x channels) of all of them together.

    The values of an array as it comes, and of every image as a model sees it; a file's own pixels are bounded by the
    input policy.
    """

    max_images: int
    max_values: int

    @classmethod
    def of(cls, config: ServingConfig) -> BodyLimits:
        """Take the limits that a replica is configured with."""
        return cls(config.max_images, config.max_values)

    def require_images(self, count: int, preprocessing: Preprocessing) -> None:
        """Raise `Problem` 413 for more images than fit, by their number or by the size that a model sees."""
        if count > self.max_images:
            raise Problem(
                413,
                f"expected at most {self.max_images} images in one request, came {count}: "
                "split it (serving.max_images)",
            )
        self.require_values(count * math.prod(preprocessing.shape), f"in {count} images of {_times(preprocessing)}")

    def require_values(self, count: int, where: str) -> None:
        """Raise `Problem` 413 for more values than one request may hold."""
        if count > self.max_values:
            raise Problem(
                413,
                f"expected at most {self.max_values} values (pixels x channels) in one request, came {count} {where}: "
                "split it (serving.max_values)",
            )

    def require_json_bytes(self, count: int, preprocessing: Preprocessing) -> None:
        """Raise `Problem` 413 for a text that is longer than the most numbers need."""
        most = self._json_numbers(preprocessing) * JSON_BYTES_PER_NUMBER + JSON_BYTES_AROUND
        if count > most:
            raise Problem(413, f"expected at most {most} bytes of JSON, came {count}: {_json_advice(preprocessing)}")

    def require_json_numbers(self, count: int, preprocessing: Preprocessing) -> None:
        """Raise `Problem` 413 for more numbers than a JSON body may hold."""
        most = self._json_numbers(preprocessing)
        if count > most:
            raise Problem(413, f"expected at most {most} numbers in JSON, came more: {_json_advice(preprocessing)}")

    def _json_numbers(self, preprocessing: Preprocessing) -> int:
        most = min(self.max_values, MOST_JSON_NUMBERS)
        if preprocessing.any_size:
            return most
        return min(most, self.max_images * math.prod(preprocessing.shape))


def _times(preprocessing: Preprocessing) -> str:
    return "x".join(str(side) for side in preprocessing.shape)


def _json_advice(preprocessing: Preprocessing) -> str:
    if preprocessing.any_size:
        return "send application/x-npy or files, or fewer images (serving.max_values)"
    return (
        f"send fewer images of {_times(preprocessing)} (serving.max_images, serving.max_values), application/x-npy "
        "or files"
    )
