"""Golden files: small pictures of every format whose pixels are known, so that a decoder that makes others is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Annotated

from PIL import features
from pydantic import BaseModel, ConfigDict, Field

from data_checks.input_validation import judge_image_bytes
from data_checks.intake.decoders import Decoders
from data_checks.policy import InputPolicy
from vae_core.documents import SHA256, parse_document
from vae_core.images.preprocessing import Preprocessing, pixel_digest

FOLDER = "golden_files"
LIST = "golden.json"
REMEDY = "install anew with `pip install -c constraints.txt latentloop`"
_POLICY = InputPolicy(min_variance=0, detect_inversion=False)

DigestOf = Callable[[bytes, Preprocessing], str]
"""From the bytes of a file to the sha256 of its pixels under a preprocessing."""


class GoldenFiles(BaseModel):
    """What the files are made into, and the sha256 of the pixels of each by its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preprocessing: Preprocessing
    digests: Mapping[str, Annotated[str, Field(pattern=SHA256)]]


def digest_of(data: bytes, preprocessing: Preprocessing) -> str:
    """The sha256 of the pixels that the intake makes of a file; empty where it refuses it."""
    judged = judge_image_bytes(data, preprocessing, _POLICY)
    return "" if judged.pixels is None or not judged.accepted else pixel_digest(judged.pixels)


def find_changed_pixels(take_digest: DigestOf = digest_of) -> list[str]:
    """The golden files, by name, whose pixels are not what they were; empty as a rule. Some 20 ms.

    AVIF is left out where the decoder has none. `take_digest`: the decoders that are asked, those of this process.
    """
    folder = files("data_checks.intake") / FOLDER
    golden = parse_document(GoldenFiles, (folder / LIST).read_bytes())
    return [
        name
        for name, digest in golden.digests.items()
        if (features.check("avif") or not name.endswith(".avif"))
        and take_digest((folder / name).read_bytes(), golden.preprocessing) != digest
    ]


def tell_changed_pixels(take_digest: DigestOf = digest_of) -> str:
    """What is wrong with the decoders of this process, in words; empty as a rule."""
    changed = find_changed_pixels(take_digest)
    if not changed:
        return ""
    return (
        f"other pixels than this release was tested with, of {', '.join(changed)} ({Decoders.now().describe()}): what "
        f"this machine makes of a picture is not what others made; {REMEDY}"
    )
