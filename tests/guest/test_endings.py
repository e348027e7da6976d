# SPDX-License-Identifier: GPL-2.0
"""Every way a connection can end, in every phase it can be in: both sides let go, and the next import works.

The same without TCP, and what programs see of it, is in the contract (groups `ending`, `export`, `unlink`); rmmod, unplug
and the end of daemons are in test_unload.py, test_lifecycle.py and test_stay_connected.py as well.
"""

import pytest
from harness import modules, usb
from harness.client import FREE, USED, VHCI, Client
from harness.guest import Guest
from harness.link import Link
from harness.modules import HOST, Kind
from harness.network import CARD, SERVER_ADDRESS
from harness.server import Server
from harness.stick import Stick
from harness.suspend import suspends
from harness.tools import Tools

# A peer that has died is found within 15 s.
_DEAD_PEER = 40
# Behind all files of the stick.
_WRITE = "dd if=/dev/zero of={disk} bs=256k count=8 seek=40 oflag=direct conv=notrunc"


@pytest.fixture
def far(pair: list[Guest], stick: Stick, kind: Kind) -> Link:
    """A stick in one guest, exported; nothing is attached."""
    link = Link(Server(pair[0], kind, Tools.RS), Client(pair[1], kind, Tools.RS), stick, host=SERVER_ADDRESS)
    link.start()
    link.server.bind(link.busid)
    return link


def _plug_cable(link: Link, plugged: bool) -> None:
    link.client.guest.qmp.execute("set_link", name=CARD, up=plugged)


def _vanish(link: Link) -> None:
    """Nothing arrives any more: each side has to find out by itself."""
    _plug_cable(link, False)
    link.client.guest.wait_until(f"! cat {link.client.port_files()} | grep -q ' {USED:03} '", timeout=_DEAD_PEER)
    link.server.guest.wait_until(f"[ $(cat {usb.SYSFS}/{link.busid}/usbip_status) = 1 ]", timeout=_DEAD_PEER)
    _plug_cable(link, True)


def _unplug(link: Link) -> None:
    """The stick is pulled out and plugged in again."""
    link.server.guest.unplug(link.handle)
    link.wait_gone()
    link.handle = link.server.guest.plug(link.stick)
    link.busid = usb.wait_local(link.server.guest, link.stick.serial)
    usb.wait_disk(link.server.guest, link.busid)
    link.server.bind(link.busid)


def _unload_host(link: Link) -> None:
    """The server's driver goes and comes again."""
    modules.unload(link.server.guest, HOST[link.server.kind])
    modules.load(link.server.guest, HOST[link.server.kind])
    usb.wait_disk(link.server.guest, link.busid)
    link.server.bind(link.busid)


def _unload_vhci(link: Link) -> None:
    """The client's driver goes and comes again."""
    modules.unload(link.client.guest, modules.VHCI[link.client.kind])
    link.client.start()


_ENDS = {
    "fin-by-server": lambda link: link.server.guest.run(f"echo -1 > {usb.SYSFS}/{link.busid}/usbip_sockfd"),
    "fin-by-client": lambda link: link.client.guest.run(f"echo {link.port} > {VHCI}/detach"),
    "rst-by-server": lambda link: link.server.guest.run("ss -K 'sport = :3240'"),
    "rst-by-client": lambda link: link.client.guest.run("ss -K 'dport = :3240'"),
    "vanish": _vanish,
    "unplug": _unplug,
    "rmmod-host": _unload_host,
    "rmmod-vhci": _unload_vhci,
}


def _idle(_: Link) -> None:
    """Nothing is asked for."""


def _write(link: Link) -> None:
    """Keep data on its way to the server."""
    loop = f"while {_WRITE.format(disk=link.disk)}; do :; done"
    link.client.guest.run(f"setsid sh -c '{loop}' > /dev/null 2>&1 &")
    counter = f"/sys/block/{link.disk.removeprefix('/dev/')}/stat"
    link.client.guest.wait_until(f"[ $(awk '{{ print $7 }}' {counter}) -gt 0 ]")


_PHASES = {"idle": _idle, "reading": Link.read_forever, "writing": _write}
# The others of unplug and rmmod are in test_lifecycle.py and test_unload.py.
_CASES = [
    (end, phase)
    for end in _ENDS
    for phase in _PHASES
    if phase == "writing" or not end.startswith(("unplug", "rmmod"))
]


def _use_again(link: Link) -> None:
    """Both sides have let go, and an honest import works."""
    link.client.guest.wait_until(f"! cat {link.client.port_files()} | grep -qv ' {FREE:03} \\|^hub'")
    link.server.wait_status(link.busid, 1)
    link.attach_again()
    link.check()
    link.detach()
    link.release()


@pytest.mark.parametrize(("end", "phase"), _CASES, ids=map("-".join, _CASES))
def test_attached(far: Link, end: str, phase: str) -> None:
    """A connection that is in use, or not, ends."""
    far.attach_again()
    _PHASES[phase](far)
    _ENDS[end](far)
    far.wait_gone()
    far.wait_readers_gone()
    _use_again(far)


@pytest.mark.parametrize("who", ["server", "client"])
def test_reset_while_attaching(far: Link, who: str) -> None:
    """The connection is reset at the first moment there is one: in the op phase, or before the device is known."""
    guest = far.server.guest if who == "server" else far.client.guest
    side = "sport" if who == "server" else "dport"
    watch = f"until ss -HtK state established '{side} = :3240' | grep -q .; do :; done"
    guest.run(f"setsid timeout 60 sh -c \"{watch}; touch /tmp/reset\" > /dev/null 2>&1 &")
    far.client.guest.run(f"{far.client.usbip} attach -r {far.host} -b {far.busid}", check=False)
    guest.wait_until("[ -e /tmp/reset ]")
    guest.run("rm /tmp/reset")
    _use_again(far)


@pytest.mark.parametrize("milliseconds", [0, 60, 400])
@pytest.mark.parametrize("program", ["usbip", "usbipd"])
def test_killed_while_attaching(far: Link, program: str, milliseconds: int) -> None:
    """`usbip attach`, or the daemon it talks to, is killed some time after it began."""
    client, server = far.client.guest, far.server.guest
    killing = f"sleep {milliseconds / 1000}; pkill -KILL -x {program}"
    attach = f"{far.client.usbip} attach -r {far.host} -b {far.busid}"
    if program == "usbip":
        client.run(f"{attach} & {killing}; wait", check=False)
    else:
        client.run(f"setsid {attach} > /dev/null 2>&1 &")
        server.run(killing)
        server.run(f"{far.server.tools.path(server, 'usbipd')} -D")
        far.server.wait_listening()
        client.wait_until("! pgrep -x usbip", timeout=_DEAD_PEER)
    # Either it was early enough, or there is an attachment like any other.
    far.client.detach_all()
    _use_again(far)


def test_suspend_while_reading(far: Link) -> None:
    """The client's system refuses to suspend, and says so; the reader does not notice."""
    far.attach_again()
    far.read_forever()
    assert not suspends(far.client.guest)
    far.wait_reading()
    far.stop_reading()
    far.detach()
    far.release()
