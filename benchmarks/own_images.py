"""`latentloop init` and `latentloop demo --images` on three catalogues that are nothing like Fashion-MNIST, unattended.

Drawings of openclipart (colour, any size), patches of 96 px cut from photographs and renderings
(plasma-workspace-wallpapers), and the sprites of Battle for Wesnoth (72 px, transparent): as Debian packages them. A
loop is closed when the demo ends well: init, ingest, training, gate, approval, serving, an emergency retraining, trial,
promotion, a sabotage that was taken back, no failed request. A good picture is one that another program opens and that
is not flat.

python -m benchmarks.own_images --json FILE [--quick] [--openclipart FOLDER] [--wallpapers FOLDER] [--wesnoth FOLDER]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.form import BenchmarkReport, Result, make_report, publish_report
from benchmarks.idx_images import DataMissing
from benchmarks.tables import read_report

PACKAGES: Mapping[str, tuple[str, Path]] = {
    "openclipart": ("openclipart-png", Path("/usr/share/openclipart/png")),
    "wallpapers": ("plasma-workspace-wallpapers", Path("/usr/share/wallpapers")),
    "wesnoth": ("wesnoth-1.16-data", Path("/usr/share/games/wesnoth/1.16/data/core/images/units")),
}
"""Each catalogue's package in Debian, and where it puts the pictures."""
PATCH_PX, WALLPAPER_PX = 96, 1_920
"""Side of a patch; longer side to which a wallpaper is reduced first, or most patches would be bare sky."""
MOST_MINUTES, MOST_MINUTES_QUICK = 15.0, 6.0
MOST_REFUSED = 0.005
SHOWN = ("noticed_by_itself", "good_refused_share", "images_received", "peak_memory_mb")


@dataclass(frozen=True, slots=True)
class Told:
    """One catalogue's run: `report` is None where the loop did not close, and `ended` says why."""

    name: str
    report: BenchmarkReport | None
    minutes: float
    ended: str

    def value(self, name: str) -> float | None:
        """A figure of the demo."""
        if self.report is None:
            return None
        return next(each.value for each in self.report.results if each.name == name)


def cut_patches(wallpapers: Path, folder: Path) -> Path:
    """Cut every wallpaper into squares, a sub-folder each; of several sizes of one the largest is taken."""
    chosen: dict[tuple[str, str], Path] = {}
    for path in sorted(wallpapers.glob("*/contents/images*/*")):
        if path.suffix in (".png", ".jpg"):
            name = (path.parents[2].name, path.parent.name)
            if name not in chosen or path.stat().st_size > chosen[name].stat().st_size:
                chosen[name] = path
    for (wallpaper, shade), path in chosen.items():
        with Image.open(path) as image:
            reduced = image.convert("RGB")
        reduced.thumbnail((WALLPAPER_PX, WALLPAPER_PX))
        pixels = np.asarray(reduced)
        below = folder / wallpaper
        below.mkdir(parents=True, exist_ok=True)
        for top in range(0, reduced.height - PATCH_PX + 1, PATCH_PX):
            for left in range(0, reduced.width - PATCH_PX + 1, PATCH_PX):
                patch = Image.fromarray(np.ascontiguousarray(pixels[top : top + PATCH_PX, left : left + PATCH_PX]))
                patch.save(below / f"{shade}-{top:04d}-{left:04d}.png", compress_level=1)
    return folder


def find_folders(named: Mapping[str, Path | None]) -> dict[str, Path]:
    """The pictures of each catalogue; DataMissing says in one line which packages bring what is not there."""
    folders = {name: named.get(name) or installed for name, (_, installed) in PACKAGES.items()}
    missing = [name for name, folder in folders.items() if not folder.is_dir()]
    if missing:
        packages = " ".join(PACKAGES[name][0] for name in missing)
        options = ", ".join(f"--{name} FOLDER" for name in missing)
        raise DataMissing(f"pictures are missing: `apt-get install {packages}`, or name where they are with {options}")
    return folders


def close_loop(name: str, pictures: Path, work: Path, quick: bool) -> Told:
    """`init` and `demo` in an empty folder, as a stranger would, and what came of it."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "latentloop.toml").unlink(missing_ok=True)
    began = time.monotonic()
    wanted = ["demo", "--images", str(pictures), "--json", "demo.json", *(["--quick"] if quick else [])]
    for words in (["init", str(pictures), "--yes"], wanted):
        print(f"{name}: latentloop {' '.join(words)}", file=sys.stderr, flush=True)
        code, last = _run(words, work)
        if code:
            return Told(name, None, (time.monotonic() - began) / 60, last)
    return Told(name, read_report(work / "demo.json"), (time.monotonic() - began) / 60, "")


def _run(words: Sequence[str], folder: Path) -> tuple[int, str]:
    """The exit code, and the last line that was said; nothing of this process's own settings reaches it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LATENTLOOP_")}
    with (folder / f"{words[0]}.log").open("w") as log:
        command = [sys.executable, "-m", "latentloop", *words]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    lines = (folder / f"{words[0]}.log").read_text().strip().splitlines()
    return done.returncode, lines[-1] if lines else ""


def judge(told: Sequence[Told], quick: bool) -> list[Result]:
    """The bars over all catalogues, and beside them what each brought."""
    closed = [each for each in told if each.report is not None]
    refused = [value for each in closed if (value := each.value("good_refused_share")) is not None]
    minutes = max(each.minutes for each in told)
    results = [
        Result.of("loop_closed", float(len(closed)), "catalogues", limit=float(len(PACKAGES)), direction="higher"),
        Result.of("good_refused_share_max", max(refused, default=None), "share", limit=MOST_REFUSED, n=len(refused)),
        Result.of("minutes_max", minutes, "min", limit=MOST_MINUTES_QUICK if quick else MOST_MINUTES, n=len(told)),
    ]
    for each in told:
        results.append(Result.of(f"{each.name}_minutes", each.minutes, "min"))
        units = {figure.name: figure.unit for figure in each.report.results} if each.report is not None else {}
        results += [Result.of(f"{each.name}_{name}", each.value(name), units.get(name, "")) for name in SHOWN]
    return results


def main() -> int:
    """Parse, find, run one catalogue after the other; 1 when a bar is missed, 2 when pictures are missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own_images", description=__doc__)
    for name, (package, _) in PACKAGES.items():
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=f"pictures of Debian's {package}")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="keep logs and reports there; else in a temporary")
    parser.add_argument("--quick", action="store_true", help="`demo --quick`: within 6 minutes each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    try:
        folders = find_folders({name: getattr(arguments, name) for name in PACKAGES})
    except DataMissing as error:
        print(f"own_images: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        folders["wallpapers"] = cut_patches(folders["wallpapers"], work / "patches")
        told = [close_loop(name, folder, work / name, arguments.quick) for name, folder in folders.items()]
    for each in told:
        if each.report is None:
            print(f"{each.name}: the loop did not close: {each.ended}", file=sys.stderr)
    return publish_report(make_report("own_images", judge(told, arguments.quick)), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
