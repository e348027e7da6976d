# SPDX-License-Identifier: GPL-2.0
"""A Debian system that packages can be installed into: the toolbox's, with a layer of its own to write to."""

import os
import subprocess
from pathlib import Path

# The layer is in memory, and goes with the mount namespace. Mounts below the root are not part of a lower layer.
_ENTER = """
set -e
layer=$1 script=$2
shift 2
mount -t tmpfs tmpfs "$layer"
mkdir "$layer/upper" "$layer/work" "$layer/root"
mount -t overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" overlay "$layer/root"
for place in /proc /sys /dev /tmp "$@"; do
	mkdir -p "$layer/root$place"
	mount --rbind "$place" "$layer/root$place"
done
exec chroot "$layer/root" sh -ec "$script"
"""


def run_in_workshop(scratch: Path, script: str, *shown: str) -> str:
    """Run a shell script as root there; returns what it printed. SCRATCH is an empty directory, SHOWN are
    directories of the host to be seen at their own place."""
    command = ["unshare", "--mount", "sh", "-c", _ENTER, "workshop", str(scratch), script, *shown]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode != 0:
        raise AssertionError(f"in the workshop: exit code {ran.returncode}\n{ran.stdout}")
    return ran.stdout
