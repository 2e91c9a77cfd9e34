"""Do the scans of a JPEG file hold the whole picture? Half a download, closed by an end marker, holds fewer of them.

A file that is cut within a scan is found by the decoder, which runs out of bits; one that is cut between two scans of
a progressive file decodes without a complaint to a blurred picture, and is found here.
Source: ITU-T T.81, B.2.3 (scan header) and G.1.1 (spectral selection and successive approximation).
"""

from dataclasses import dataclass

from data_checks.errors import ImageRefused
from data_checks.refusal import Refusal

_PROGRESSIVE = frozenset({0xC2, 0xCA})
_COEFFICIENTS = 64


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """What the frame header says: coding, bits, size, the components' names and their sampling (two half bytes)."""

    coding: int
    bits: int
    width: int
    height: int
    components: tuple[int, ...]
    sampling: bytes

    @property
    def coefficient_bytes(self) -> float:
        """What a decoder keeps a pixel until the last scan is read; 0 where rows are finished one by one."""
        if self.coding not in _PROGRESSIVE:
            return 0.0
        areas = [(each >> 4) * (each & 15) for each in self.sampling]
        return 2.0 * sum(areas) / max(1, *areas)


def require_whole(frame: JpegFrame, scans: list[bytes]) -> None:
    """Refuse scans that leave a component, or bits of a coefficient, unsaid. ImageRefused: not_an_image, truncated."""
    missing = {name: [True] * _COEFFICIENTS for name in frame.components}
    for scan in scans:
        names, first, last, low = _read_scan(scan)
        if not set(names) <= missing.keys():
            raise ImageRefused(Refusal.not_an_image, "expected a valid JPEG, came a scan of no component: save it anew")
        if frame.coding not in _PROGRESSIVE:
            first, last, low = 0, _COEFFICIENTS - 1, 0
        for name in names:
            missing[name][first : last + 1] = [low > 0] * (last + 1 - first)
    if any(map(any, missing.values())):
        raise ImageRefused(
            Refusal.truncated,
            f"expected a whole JPEG, came {len(scans)} scans that leave details out, as half a download has them: "
            "upload it anew",
        )


def _read_scan(scan: bytes) -> tuple[list[int], int, int, int]:
    """Components, first and last coefficient, and the bits that are left for a later scan."""
    count = scan[0] if scan else 0
    if not 1 <= count <= 4 or len(scan) < 4 + 2 * count:
        raise ImageRefused(Refusal.not_an_image, f"expected a valid JPEG, came a scan of {count}: save it anew")
    first, last, approximation = scan[1 + 2 * count : 4 + 2 * count]
    if first > last or last >= _COEFFICIENTS:
        first, last = 0, _COEFFICIENTS - 1
    return list(scan[1 : 1 + 2 * count : 2]), first, last, approximation & 15
