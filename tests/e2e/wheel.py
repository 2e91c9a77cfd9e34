"""The package as strangers get it: a wheel in a fresh environment that sees no checkout.

The environment takes the libraries of the running one, by path: installing them anew would take minutes. Lines of a
`.pth` file in a folder that was itself added by a `.pth` file are not read, so that an editable install of the product
stays out of sight.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
_LEFT_OUT = ("__pycache__", "*.egg-info")


def install_wheel(folder: Path) -> Path:
    """Build the wheel, install it alone into a new environment below `folder`, and give that environment."""
    wheel = _build(folder)
    environment = folder / "environment"
    _run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
    python = str(environment / "bin" / "python")
    # before the libraries are in sight: what is installed there would count as installed here
    _run([*_PIP, "--python", python, "install", "--no-deps", "--no-index", "--no-compile", str(wheel)])
    (site,) = environment.glob("lib/python*/site-packages")
    libraries = [each for each in sys.path if Path(each).name in ("site-packages", "dist-packages")]
    (site / "libraries.pth").write_text("".join(f"{each}\n" for each in libraries))
    return environment


def _build(folder: Path) -> Path:
    """A wheel of a copy of the sources: building leaves folders beside them."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE", "prefect.yaml"):
        shutil.copy(CHECKOUT / name, source)
    for package in CHECKOUT.glob("*/__init__.py"):
        if package.parent.name != "tests":
            shutil.copytree(package.parent, source / package.parent.name, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    _run([*_PIP, "wheel", *options, str(source)])
    shutil.rmtree(source)
    (wheel,) = folder.glob("latentloop-*.whl")
    return wheel


_PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
