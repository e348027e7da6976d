# SPDX-License-Identifier: GPL-2.0
"""An imported device that is exported and imported once more by the machine it has been imported to."""

import pytest
from harness import modules, usb
from harness.client import Client
from harness.gadget import Speed
from harness.imported import attach, export_imported, unexport_imported
from harness.paced import paced
from harness.server import Server
from harness.usbtest import run_cases

# A read of an isochronous endpoint.
READ = {16: (1, 2048, 0, 4)}
READ_WELL = {16: 0}


def test_same_controller(server: Server, client: Client) -> None:
    """On the controller it is on it cannot be configured, for one lock serves both: C hangs there, ours goes on."""
    guest = client.guest
    with paced(client, "source-sink", Speed.HIGH, b"", controller=0) as device:
        export_imported(server, device.busid)
        port = attach(client, device.busid)
        # usbcore gives a device five seconds to take its configuration.
        guest.wait_until(f"dmesg | grep -q \"usb {port.busid}: can't set config #1, error -110\"", timeout=15)
        client.detach(port.number)
        server.wait_status(device.busid, 1)
        unexport_imported(server, device.busid)
        assert run_cases(guest, device.busid, READ) == READ_WELL


@pytest.mark.parametrize("side", [modules.HOST, modules.VHCI], ids=["host", "vhci"])
def test_unload(server: Server, client: Client, side: dict[modules.Kind, str]) -> None:
    """Either driver can be unloaded while an imported device is imported once more, on another controller."""
    guest = client.guest
    with paced(client, "source-sink", Speed.HIGH, b"") as device:
        export_imported(server, device.busid)
        port = attach(client, device.busid)
        assert run_cases(guest, port.busid, READ) == READ_WELL
        modules.unload(guest, side[client.kind])
        guest.wait_until(f"! [ -e {usb.SYSFS}/{port.busid} ]")
