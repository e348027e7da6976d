# SPDX-License-Identifier: GPL-2.0
"""A list of shell commands and what each one printed: the form in which two drivers are compared."""

import shlex

from .guest import Guest

_SEPARATOR = "\0"


def probe(guest: Guest, commands: list[str]) -> dict[str, str]:
    """Run commands in order, in one go; per command all it printed, errors included, and its exit code."""
    script = "".join(f"({command}) 2>&1; printf '[%d]\\0' $?\n" for command in commands)
    # Numbers in front: the same command may be asked twice.
    answers = guest.run(f"sh -c {shlex.quote(script)}", timeout=60).out.split(_SEPARATOR)
    labels = [f"{number}: {command}" for number, command in enumerate(commands, 1)]
    return dict(zip(labels, answers[: len(labels)], strict=True))


def put(text: str, path: str) -> str:
    """The command for one write() of exactly TEXT."""
    # dd and not printf: the shell's name and line would be part of the message.
    return f"printf -- '{text}' | dd of={path} bs=4096 status=none"


def differences(expected: dict[str, str], actual: dict[str, str]) -> list[str]:
    """Where two probes differ, readable."""
    keys = dict.fromkeys([*expected, *actual])
    return [
        f"{key}\n    expected {expected.get(key)!r}\n    got      {actual.get(key)!r}"
        for key in keys
        if expected.get(key) != actual.get(key)
    ]
