from pathlib import Path

import pytest

from benchmarks.form import Result, make_report, write_report
from benchmarks.tables import main, read_report, render_page

RESULTS = [
    Result.of("share_high95", 0.0091, "share", limit=0.01, n=1_000),
    Result.of("cpu_s", [1.0, 3.0, 2.5], "CPU s", limit=2.0),
    Result.of("requests_p90", 128_040.0, "requests", n=200),
    Result.of("not_measured", None, "share"),
]


def test_the_page_shows_every_figure_its_bar_and_where_it_comes_from(tmp_path: Path) -> None:
    write_report(make_report("canary_aa", RESULTS), tmp_path / "a.json")
    page = render_page([read_report(tmp_path / "a.json")])
    assert "| share_high95 | 0.0091 | share | ≤ 0.01 | passed | 1,000 |  |" in page
    assert "| cpu_s | 2.5 | CPU s | ≤ 2 | **missed** | 3 | 1 to 3 |" in page
    assert "| requests_p90 | 128,040 | requests |  |  | 200 |  |" in page
    assert "| not_measured |  | share |" in page
    assert "`python -m benchmarks.canary_aa" in page and "1,000 simulated canaries" in page


def test_a_benchmark_that_measured_nothing_says_so_in_place_of_a_table(tmp_path: Path) -> None:
    write_report(make_report("gpu", []), tmp_path / "gpu.json")
    page = render_page([read_report(tmp_path / "gpu.json")])
    assert "## gpu" in page and "Not measured: this machine lacks the device." in page
    assert "| name |" not in page


def test_a_file_that_is_no_benchmark_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, page = tmp_path / "bad.json", tmp_path / "page.md"
    bad.write_text('{"benchmark": "frechet"}')
    for path, words in ((bad, "expected the JSON of a benchmark"), (tmp_path / "none.json", "cannot be read")):
        assert main([str(path), "--out", str(page)]) == 2
        assert f"{path}: {words}" in capsys.readouterr().err
    assert not page.exists()


def test_the_page_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    write_report(make_report("some_other", RESULTS), tmp_path / "a.json")
    assert main([str(tmp_path / "a.json"), "--out", str(tmp_path / "page.md")]) == 0
    assert "## some_other" in (tmp_path / "page.md").read_text()


def test_what_a_benchmark_measures_is_said_once_however_often_it_was_run(tmp_path: Path) -> None:
    write_report(make_report("canary_aa", RESULTS), tmp_path / "a.json")
    report = read_report(tmp_path / "a.json")
    page = render_page([report, report])
    assert page.count("## canary_aa") == page.count("1,000 simulated canaries") == 1
    assert page.count("| share_high95 | 0.0091 |") == 2 and "Another run:" in page
