"""Groups of copies, directly or by way of a third."""

from __future__ import annotations

import numpy as np

from data_checks.near_duplicates.fingerprint import take_fingerprints
from data_checks.near_duplicates.groups import Groups
from tests.data_checks.near_duplicates.copies import brightened, pictures, re_encoded


def test_a_group_holds_copies_of_copies_and_is_the_same_whoever_asks() -> None:
    originals = pictures(12)
    catalogue = np.stack([*originals, re_encoded(originals[2], 90), brightened(originals[2], 1.03), originals[4]])
    prints = take_fingerprints(catalogue)
    for asked in ([2], [13], [0, 12]):
        names = Groups(prints).of(np.array(asked))
        assert len({names[row] for row in (2, 12, 13)}) == 1
        assert len({names[row] for row in range(12)}) == 12
    names = Groups(prints).of(np.arange(15))
    assert names[4] == names[14] and len(set(names.tolist())) == 12
