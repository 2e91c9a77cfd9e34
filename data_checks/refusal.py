"""The closed list of reasons for which an image is refused; quarantine, telemetry and HTTP answers use it."""

from enum import StrEnum

NO_SETTING = "no setting takes it as it is"
"""Ends the detail of what is too large under any settings."""


class Refusal(StrEnum):
    """Why an image was refused: read from the file, from the pixels, from an array, or decided by a caller.

    A swapped channel order (BGR) is not listed: red minus blue has either sign in ordinary colour images, so
    one image cannot prove it.
    """

    empty_file = "empty_file"
    not_an_image = "not_an_image"
    """No file of a format that is decoded, or one whose structure no decoder should be asked about."""
    format_not_wanted = "format_not_wanted"
    """A file of a format that can be decoded, and that `input_policy.formats` leaves out."""
    truncated = "truncated"
    """Cut off or damaged: the header is readable, the pixels are not all there."""
    too_many_bytes = "too_many_bytes"
    too_many_pixels = "too_many_pixels"
    wrong_shape = "wrong_shape"
    wrong_mode = "wrong_mode"
    """Pixels that are not converted: several pictures in one file, floats, CIELAB; under a preprocessing of schema 1
    everything but still 8-bit pixels in the wanted channels."""

    low_variance = "low_variance"
    low_entropy = "low_entropy"
    inverted = "inverted"
    """A negative, judged by the histogram of the reference."""

    not_finite = "not_finite"
    range_0_255 = "range_0_255"
    """Floats on 0..255 where [0, 1] was expected."""
    standardised = "standardised"
    """Floats around 0, where [0, 1] was expected."""
    out_of_range = "out_of_range"
    """Values of no known scale."""

    duplicate = "duplicate"
    """The same pixels are already in the catalogue; decided by the digest claims."""
    leakage = "leakage"
    """The same pixels are in a benchmark set; decided by the digest claims."""
    suite = "suite"
    """Its row failed the table suite."""
