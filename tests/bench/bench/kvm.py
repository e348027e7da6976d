# SPDX-License-Identifier: GPL-2.0
"""Whether guests can be run on the host's own time."""

import os
import subprocess
from pathlib import Path

from harness.env import Env

_DEVICE = Path("/dev/kvm")
_SECONDS = 15


def obstacle(env: Env) -> str | None:
    """Why there is no KVM here; none if there is."""
    # 'make setup' has booted a guest.
    if env.accel == "kvm":
        return None
    if not _DEVICE.exists():
        return f"there is no {_DEVICE}: no processor that virtualizes, or that is switched off, or a container without it"
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return f"{_DEVICE} may not be opened here"
    return f"{_DEVICE} is there, but no guest boots under it: {_said(env)}"


def _said(env: Env) -> str:
    """What QEMU says when it is asked once more."""
    command = ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-m", "256", "-kernel", str(env.vmlinuz)]
    command += ["-append", "panic=-1", "-nodefaults", "-display", "none", "-no-reboot"]
    try:
        # In a process that gives up QEMU may leave a core.
        ended = subprocess.run(["prlimit", "--core=0", *command], capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it hangs, and {_SECONDS} s later nothing has happened"
    lines = [line for line in ended.stderr.splitlines() if line.strip()]
    return lines[0] if lines else f"QEMU ended with {ended.returncode} and said nothing"
