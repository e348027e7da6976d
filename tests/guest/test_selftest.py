# SPDX-License-Identifier: GPL-2.0
"""The kernel's own self-test for usbip, out of the kernel source.

It prints what happens and judges nothing, so its transcript with our modules has to be the one
with the C modules.
"""

import re
import subprocess
from pathlib import Path

from harness import usb
from harness.env import Env
from harness.guest import Guest
from harness.modules import HOST, VHCI, Kind
from harness.stick import Stick

STEPS = "tools/testing/selftests/drivers/usb/usbip/usbip_test.sh"
SCRIPT, TOOLS = "/tmp/usbip_test.sh", "/tmp/usbip-tools"
ALIASES = "/run/modprobe.d/usbip-rs.conf"
# The C driver logs a line for every device it is offered and does not want (W12g).
_SKIPPED = re.compile(r".*is not in match_busid table.*\n")
# What depends on the guest's past: which port of the controller was free, and how many addresses it has given out.
_PAST = ((r"\|__ Port \d+: Dev \d+", "|__ Port P: Dev N"), (r": Dev \d+", ": Dev N"), (r"bus/dev \d+/\d+", "bus/dev N"))


def _steps(env: Env) -> bytes:
    """The script, from the source package of the guests' kernel."""
    kept = env.out / "usbip_test.sh"
    if not kept.exists():
        [archive] = Path("/usr/src").glob("linux-source-*.tar.xz")
        member = f"{archive.name.removesuffix('.tar.xz')}/{STEPS}"
        command = ["tar", "-xO", "--use-compress-program=xz -T0", "--occurrence", "-f", str(archive), member]
        kept.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return kept.read_bytes()


def _transcript(guest: Guest, kind: Kind, stick: Stick) -> str:
    handle = guest.plug(stick)
    busid = usb.wait_local(guest, stick.serial)
    usb.wait_disk(guest, busid)
    steps = _steps(guest.env).replace(b"rmmod usbip_host", f"rmmod {HOST[kind]}".encode())
    guest.write(SCRIPT, steps, "0755")
    guest.run(f"mkdir -p {TOOLS}/src /run/modprobe.d && ln -sf /usr/sbin/usbip /usr/sbin/usbipd {TOOLS}/src")
    names = ((HOST[Kind.C], HOST[kind]), (VHCI[Kind.C], VHCI[kind]))
    aliases = "".join(f"alias {known} {ours}\n" for known, ours in names if known != ours)
    guest.write(ALIASES, aliases.encode())
    try:
        result = guest.run(f"{SCRIPT} -b {busid} -p {TOOLS} 2>&1", timeout=60)
    finally:
        guest.run(f"rm -f {ALIASES}")
        guest.unplug(handle)
    transcript = re.sub(rf"\b{busid}\b", "BUSID", _SKIPPED.sub("", result.out))
    for pattern, neutral in _PAST:
        transcript = re.sub(pattern, neutral, transcript)
    return transcript


def test_selftest(mixed_guest: Guest, guest: Guest, stick: Stick) -> None:
    """Loading, listing, binding, importing, giving back, and each of them when it cannot be."""
    reference = _transcript(mixed_guest, Kind.C, stick)
    ours = _transcript(guest, Kind.RS, stick)
    assert ours.count("[OK]") == 2 and "[FAIL]" not in ours and "[SKIP]" not in ours
    assert ours == reference
