"""Reads how large the frames of AV1 data may be, before any of them is decoded.

libavif scales what it decoded to the size that the file states, however large the frame was: the stated size alone
bounds nothing. Source: AV1 Bitstream & Decoding Process Specification, 5.3 (OBU header), 5.5 (sequence header).
"""

from collections.abc import Iterator

_SEQUENCE_HEADER = 1
_MOST_UNITS = 1_000


class BrokenUnits(ValueError):
    """The data is no sequence of AV1's units."""


class _Bits:
    """Bits of some bytes, the highest first; BrokenUnits behind their end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data), 8 * len(data)

    def read(self, count: int) -> int:
        """The next `count` bits as a number."""
        self._left -= count
        if self._left < 0:
            raise BrokenUnits("a sequence header that ends early")
        return self._value >> self._left & ((1 << count) - 1)

    def skip_variable(self) -> None:
        """Pass over a number of variable length: n zeros, a one, n bits."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        self.read(min(zeros, 32))


def list_frame_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    """The largest width and height of every sequence that begins in the data; BrokenUnits."""
    position = 0
    for _ in range(_MOST_UNITS):
        if position >= len(data):
            return
        header = data[position]
        position += 2 if header & 4 else 1
        size, position = _read_size(data, position) if header & 2 else (len(data) - position, position)
        if position + size > len(data):
            raise BrokenUnits("a unit that ends outside of the data")
        if header >> 3 & 15 == _SEQUENCE_HEADER:
            yield _read_sequence(_Bits(data[position : position + min(size, 1024)]))
        position += size
    raise BrokenUnits(f"more than {_MOST_UNITS} units")


def _read_size(data: bytes, position: int) -> tuple[int, int]:
    """A number in LEB128, at most 8 bytes, and the place behind it."""
    size = 0
    for place, byte in enumerate(data[position : position + 8]):
        size |= (byte & 127) << 7 * place
        if byte < 128:
            return size, position + place + 1
    raise BrokenUnits("a unit without a size")


def _read_sequence(bits: _Bits) -> tuple[int, int]:
    bits.read(4)  # profile, still picture
    if bits.read(1):  # the short header of still pictures
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width_bits) + 1, bits.read(height_bits) + 1


def _skip_operating_points(bits: _Bits) -> None:
    """Pass over timing, decoder model, and the levels of each operating point."""
    delay_bits = 0
    if bits.read(1):  # timing information
        bits.read(64)
        if bits.read(1):
            bits.skip_variable()
        if bits.read(1):  # a decoder model
            delay_bits = bits.read(5) + 1
            bits.read(42)
    display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if delay_bits and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if display_delay and bits.read(1):
            bits.read(4)
