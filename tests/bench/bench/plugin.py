# SPDX-License-Identifier: GPL-2.0
"""The QEMU plugin that counts, and what it counts beside instructions."""

import subprocess
from pathlib import Path

from .machine import BadRun, Machine
from .perturbation import PERTURBATIONS
from .root import BENCH

# Figures by the kernel function each of whose calls is one.
EVENTS = {
    "wakeups": "try_to_wake_up",
    "sends": "tcp_sendmsg_locked",
    "receives": "tcp_recvmsg_locked",
}


def build_plugin(target: Path) -> Path:
    """Compile it to TARGET."""
    flags = ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-fvisibility=hidden"]
    source = BENCH / "plugin" / "count.c"
    subprocess.run(["gcc", *flags, "-o", str(target), str(source)], check=True)
    return target


def find_events(machine: Machine, root: bytes, directory: Path) -> dict[str, int]:
    """The addresses of the functions, by figure: a guest tells."""
    pattern = "|".join(EVENTS.values())
    lines = machine.run(root, f"grep -E ' [tT] ({pattern})$' /proc/kallsyms", PERTURBATIONS[0], directory)
    addresses = {name: int(address, 16) for address, _, name in map(str.split, lines)}
    if missing := set(EVENTS.values()) - set(addresses):
        raise BadRun(f"this kernel has no {', '.join(sorted(missing))}: name other functions in {Path(__file__).name}")
    return {figure: addresses[function] for figure, function in EVENTS.items()}
