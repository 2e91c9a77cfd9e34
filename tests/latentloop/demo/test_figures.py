"""The demo's figures: which there are, beside what, and which of them have a bar."""

from __future__ import annotations

import json

from latentloop.demo.figures import FORM, own_form


def test_the_figures_name_units_and_codes_beside_one_another() -> None:
    names = [name for name, *_ in FORM]
    at = names.index("active_units")
    assert names[at : at + 4] == ["active_units", "kl", "codes_used", "code_perplexity"]
    assert json.dumps({name: limit for name, _, limit, _ in FORM if name in names[at : at + 4]}) == json.dumps(
        dict.fromkeys(names[at : at + 4])
    )


def test_the_figures_are_those_of_the_demo_and_what_is_judged_of_own_pictures() -> None:
    form = {name: limit for name, _, limit, _ in own_form(15.0)}
    assert form.keys() >= {name for name, *_ in FORM}
    assert (form["loop_closed"], form["good_refused_share"], form["minutes"]) == (1.0, 0.005, 15.0)
    assert form["noticed_by_itself"] is form["requests_to_detection"] is None
    assert form["failed_requests"] == 0.0
