"""How the house stands: seams for families, imports, sizes of rooms, tests beside their modules, patches in them.

Counted from the text of the checkout; nothing of it is run. `--list` names the places.

    python -m benchmarks.house [--list] [--json FILE]
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.form import Result, make_report, publish_report
from benchmarks.house_counts import (
    PRODUCT,
    count_patches,
    find_enumerators,
    find_questions,
    find_untested,
    largest_room,
    read_families,
)
from benchmarks.import_circles import find_circle

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = ArgumentParser(prog="python -m benchmarks.house", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name every place that is counted")
    parser.add_argument("--quick", action="store_true", help="the same: it takes seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    asked = parser.parse_args(arguments)
    if asked.list:
        for place in (*find_questions(ROOT), *find_enumerators(ROOT), *find_untested(ROOT)[0]):
            print(place)
    return publish_report(make_report("house", list(measure_house(ROOT))), asked.json)


def measure_house(root: Path) -> Iterator[Result]:
    """The bars of one checkout."""
    questions = find_questions(root)
    files = len({each.split(":")[0] for each in questions})
    yield Result.of("isinstance_outside_families", len(questions), "places", limit=0, n=files)
    enumerators = find_enumerators(root)
    yield Result.of("files_for_a_new_family", len(enumerators), "files", limit=3, n=len(read_families(root).words))
    circle = find_circle(root, (*PRODUCT, "benchmarks"))
    yield Result.of("modules_in_an_import_circle", len(set(circle)), "modules", limit=0)
    room, size = largest_room(root)
    yield Result.of("largest_room_files", size, "files", limit=20, n=len(PRODUCT))
    untested, modules = find_untested(root)
    yield Result.of("modules_without_mirrored_tests", 100 * len(untested) / modules, "%", limit=10, n=modules)
    patches, tests = count_patches(root)
    yield Result.of("patches_per_100_tests", 100 * patches / tests, "patches", limit=2, n=tests)


if __name__ == "__main__":
    sys.exit(main())
