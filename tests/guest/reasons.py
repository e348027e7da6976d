# SPDX-License-Identifier: GPL-2.0
"""Says why a test has failed as soon as it has: a run that is cut short, or shown in part, tells as much."""

import pytest
from _pytest.terminal import TerminalReporter

_LINES = 20


class Reasons:
    """Writes to the terminal behind the name of a test."""

    def __init__(self, terminal: TerminalReporter) -> None:
        self._terminal = terminal

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Show the error, and what a kernel complained of."""
        if not report.failed:
            return
        crash = getattr(report.longrepr, "reprcrash", None)
        said = crash.message if crash else report.longreprtext
        complaints = [text for name, text in report.sections if name == "kernel complaints"]
        self._terminal.ensure_newline()
        for line in "\n".join([said, *complaints]).splitlines()[:_LINES]:
            self._terminal.write_line(f"    {line}")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Where there is a terminal."""
    plugins = session.config.pluginmanager
    if terminal := plugins.get_plugin("terminalreporter"):
        plugins.register(Reasons(terminal))
