# SPDX-License-Identifier: GPL-2.0
"""A reset on the client reaches the device on the server."""

from harness import usb
from harness.link import Link


def test_reset_reaches_device(link: Link) -> None:
    """usbreset on the imported stick resets the real one, once, and the stick goes on working."""
    link.start()
    link.attach()
    server, client = link.server.guest, link.client.guest
    before = _resets(link)
    client.run("usbreset $(cd %s/%s && printf '%%03d/%%03d' $(cat busnum) $(cat devnum))" % (usb.SYSFS, link.local))
    server.wait_until(f"dmesg | grep -q ' {link.busid}: usb_queue_reset_device'")
    assert _resets(link) == before + 1
    link.check()
    link.detach()
    link.release()


def _resets(link: Link) -> int:
    """How often the server's host controller has reset the stick."""
    return int(link.server.guest.out(f"dmesg | grep -c ' {link.busid}: reset .* USB device' || true"))
