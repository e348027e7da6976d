# SPDX-License-Identifier: GPL-2.0
"""The programs of tests/, which run inside guests."""

import subprocess
from functools import cache
from pathlib import Path

from .env import Env
from .guest import Guest

_TESTS = Path(__file__).resolve().parents[2]


def install(guest: Guest, name: str) -> str:
    """Put the program of tests/NAME into a guest that has none yet; returns its path there."""
    path = f"/tmp/{name}"
    if not guest.succeeds(f"test -e {path}"):
        guest.write(path, _build(guest.env, name).read_bytes(), "0755")
    return path


def install_alone(guest: Guest, name: str) -> str:
    """The same in a guest where nobody has use for links to device nodes: making them is most of its work."""
    guest.run("udevadm control --exit", check=False)
    return install(guest, name)


@cache
def _build(env: Env, name: str) -> Path:
    """Build the program of tests/NAME, once."""
    command = ["cargo", "build", "--release", "--locked", "--manifest-path", str(_TESTS / name / "Cargo.toml")]
    subprocess.run(command, check=True)
    return env.tools / name
