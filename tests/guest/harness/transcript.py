# SPDX-License-Identifier: GPL-2.0
"""A session for people to read: headings, prompts, output, verdicts, printed as they happen."""

import sys
import textwrap

from .agent import Result
from .guest import Guest

_WIDTH = 96


class Transcript:
    """Writes to stdout, in colour on a terminal."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty()

    def heading(self, text: str) -> None:
        """Say what the next step shows."""
        wrapped = textwrap.fill(text, _WIDTH, initial_indent="== ", subsequent_indent="   ")
        self._print("\n" + self._paint("1;36", wrapped))

    def note(self, text: str) -> None:
        """An explanation between commands."""
        self._print(textwrap.fill(text, _WIDTH, initial_indent="   ", subsequent_indent="   "))

    def hold(self, condition: bool, claim: str) -> None:
        """Say that something is as it should be, or raise."""
        if not condition:
            raise AssertionError(f"does not hold: {claim}")
        self._print(self._paint("32", f"   ok: {claim}"))

    def failed(self, text: str) -> None:
        """Something that is not as it should be."""
        self._print(self._paint("1;31", f"   FAILED: {text}"))

    def run(self, guest: Guest, command: str, *, timeout: float = 30) -> Result:
        """Run a command in a guest as if typed there; it must succeed."""
        self._print(self._paint("1", f"{guest.name}# {command}"))
        # Both streams in the order they were written, as on a terminal.
        result = guest.run(f"{{ {command}\n}} 2>&1", timeout=timeout, check=False)
        if result.out.strip():
            self._print(result.out.rstrip())
        if result.code != 0:
            raise AssertionError(f"{guest.name}: '{command}' ended with {result.code}")
        return result

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def _print(self, text: str) -> None:
        print(text, flush=True)
