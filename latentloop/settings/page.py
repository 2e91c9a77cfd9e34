"""docs/settings.md, read from the models: `python -m latentloop.settings.page > docs/settings.md`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deploy.configuration.fields import SettingField, SettingTable
from deploy.configuration.kinds import quoted
from deploy.configuration.reference import read_defaults

OF_A_MACHINE = "†"

_INTRODUCTION = f"""# Settings

Written by `python -m latentloop.settings.page > docs/settings.md`; a test compares it with the code.

Everything has a default, and the defaults are a complete installation on a laptop. What you change, you write into
`latentloop.toml` in the working directory (or into the file that the variable `LATENTLOOP_CONFIG` names; empty: no
file), or into variables. A variable comes before the file, and the file before the default.

```toml
product = "shop"

[preprocessing]
channels = 3
height = 64

[training.model]
variant = "vq_vae"
codebook_size = 256

[training.full.budget]
amount = 20
```

A variable is `LATENTLOOP_` and the dotted name, two underscores for each dot; lists are JSON, as in
`LATENTLOOP_TRAINING__MODEL__WIDTHS='[32, 64]'`:

```sh
LATENTLOOP_TRAINING__THREADS=2 latentloop up
```

- A relative folder counts from the settings file where the file names it, and from the working directory where a
  variable does.
- An unknown word is refused, never ignored, with the names that you may have meant.
- Size and channels of the images are said once, in `[preprocessing]`; `[training.model]` follows, and a height
  without a width is square. `latentloop settings` shows what follows what.
- A table of a tier (`[training.full]`, `[training.incremental]`, `[training.emergency]`) changes what it names; the
  rest of the tier's recipe stays.
- What is marked {OF_A_MACHINE} is of one machine. Everything else decides what is trained, judged and served: all
  processes of an installation must agree on it, and `latentloop down`, then `latentloop up` puts a change in force.
- Times are stored in UTC, and shown to people in `timezone`. The schedules in `prefect.yaml` are in UTC.
- `latentloop settings` shows what is in force and who said it, `latentloop settings --defaults` this list, and
  `latentloop settings training.full` one table. Secrets are masked.

Units: a share or a probability is from 0 to 1, s are seconds, ms milliseconds, px pixels, and sd standard deviations of
the champion's reference.
"""


def write_page() -> str:
    """The whole page, ending in a newline; the same on every machine."""
    shown: list[SettingTable] = []
    parts = [_INTRODUCTION]
    for each in read_defaults():
        parts.append("\n".join(_section(each.table, shown)))
        shown.append(each.table)
    return "\n".join(parts)


def _section(table: SettingTable, before: Sequence[SettingTable]) -> Iterator[str]:
    title = f"`[{table.name}]`" if table.name else "At the top of the file"
    of = f", a {table.variant}{' (the default)' if table.chosen else ''}" if table.variant else ""
    yield f"## {title}{of}"
    yield ""
    alike = next((each for each in before if _words(each) == _words(table)), None)
    if alike is None:
        yield f"{table.description}"
        fields = table.fields
    else:
        # the recipes of three tiers have the same thirty words
        usual = {each.word: each.default for each in alike.fields}
        fields = tuple(each for each in table.fields if each.default != usual[each.word])
        rest = "with these defaults of its own:" if fields else "with the same defaults."
        yield f"The words of `[{alike.name}]`, {rest}"
    yield ""
    if fields:
        yield "| setting | default | unit, bounds | what it is |"
        yield "|---|---|---|---|"
        yield from (_row(each) for each in fields)
        yield ""


def _words(table: SettingTable) -> tuple[tuple[str, str], ...]:
    return tuple((each.word, each.description) for each in table.fields)


def _row(field: SettingField) -> str:
    mark = "" if field.decides else f" {OF_A_MACHINE}"
    default = field.default_in_words or (f"`{quoted(field.default)}`" if field.default is not None else "not set")
    default += f", or `{field.follows}`" if field.follows else ""
    limits = ", ".join(each for each in (field.unit, _code(field.bounds)) if each)
    return f"| `{field.word}`{mark} | {_cell(default)} | {_cell(limits)} | {_cell(field.description)} |"


def _code(bounds: str) -> str:
    """A pattern is no Markdown."""
    before, matches, pattern = bounds.partition("matches ")
    return f"{before}{matches}`{pattern}`" if matches else bounds


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(write_page(), end="")
