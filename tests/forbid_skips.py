"""`pytest --forbid-skips`: a skipped test fails the run, unless what it lacks is a GPU. CI installs every server."""

import pytest

_skipped: list[str] = []
_forbidden = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forbid-skips", action="store_true", help="fail when a test that needs no GPU was skipped")


def pytest_configure(config: pytest.Config) -> None:
    global _forbidden
    _forbidden = bool(config.getoption("--forbid-skips"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and "gpu" not in report.keywords:
        _skipped.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _forbidden and _skipped and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _forbidden and _skipped:
        terminalreporter.write_line(f"skipped although --forbid-skips: {', '.join(_skipped)}", red=True)
