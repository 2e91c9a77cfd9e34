"""Used units: how they are called, and how they are compared."""

from vae_core.families.units import UsedUnits, active_units


def test_dimensions_count_as_they_are_and_codes_as_shares_of_their_alphabet() -> None:
    units, codes = active_units(3, 32), UsedUnits("codes_used", 200, 512)
    assert units == UsedUnits("active_units", 3, 32)
    assert (units.unit, units.count_as_share) == ("units", False)
    assert (codes.unit, codes.count_as_share) == ("codes", True)
