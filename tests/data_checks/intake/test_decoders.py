"""The versions of the decoders of a process."""

from data_checks.intake.decoders import Decoders


def test_the_decoders_of_this_process_are_told_and_kept_as_a_document() -> None:
    now = Decoders.now()
    assert now.pillow and now.simplejpeg and now.libjpeg_turbo
    assert Decoders.model_validate_json(now.model_dump_json()) == now


def test_a_library_that_is_not_there_is_not_told() -> None:
    without = Decoders.now().model_copy(update={"libavif": None, "lcms2": "2.17"})
    assert without.describe().startswith(f"pillow {without.pillow}, simplejpeg {without.simplejpeg}")
    assert without.describe().endswith("lcms2 2.17") and "libavif" not in without.describe()
