# SPDX-License-Identifier: GPL-2.0
"""Input devices across the wire: interrupt transfers that come when they come."""

from typing import Any

import pytest
from harness import usb
from harness.client import Client
from harness.guest import Guest
from harness.input import InputEvent, Recording, button, event_node, key, move, send
from harness.server import Server

HOST = "127.0.0.1"
EV_KEY, EV_REL, EV_ABS = 1, 2, 3
KEY_A, KEY_LEFTSHIFT, BTN_LEFT = 30, 42, 0x110
X, Y = 0, 1

# What QEMU is told, and what the importing kernel has to report for it.
KEYBOARD = (
    [key("shift", True), key("a", True), key("a", False), key("shift", False)],
    [(EV_KEY, KEY_LEFTSHIFT, 1), (EV_KEY, KEY_A, 1), (EV_KEY, KEY_A, 0), (EV_KEY, KEY_LEFTSHIFT, 0)],
)
MOUSE = (
    [move("rel", "x", 7), move("rel", "y", -3), button("left", True), button("left", False)],
    [(EV_REL, X, 7), (EV_REL, Y, -3), (EV_KEY, BTN_LEFT, 1), (EV_KEY, BTN_LEFT, 0)],
)
TABLET = (
    [move("abs", "x", 1234), move("abs", "y", 32000), button("left", True), button("left", False)],
    [(EV_ABS, X, 1234), (EV_ABS, Y, 32000), (EV_KEY, BTN_LEFT, 1), (EV_KEY, BTN_LEFT, 0)],
)


def _import(server: Server, client: Client, driver: str) -> tuple[str, str]:
    """Plug an input device in, export and import it; returns both busids."""
    serial = f"INPUT-{driver}"
    server.start()
    client.start()
    server.guest.plug_input(driver, serial)
    busid = server.export(serial)
    client.attach(HOST, busid)
    return busid, usb.wait_imported(client.guest, serial)


@pytest.mark.parametrize(
    ("driver", "told", "expected"),
    [("usb-kbd", *KEYBOARD), ("usb-mouse", *MOUSE), ("usb-tablet", *TABLET)],
    ids=["keyboard", "mouse", "tablet"],
)
def test_events(
    server: Server, client: Client, driver: str, told: list[dict[str, Any]], expected: list[tuple[int, int, int]]
) -> None:
    """What is typed, moved and clicked arrives, once and in order."""
    busid, local = _import(server, client, driver)
    recording = Recording(client.guest, event_node(client.guest, local))
    for event in told:
        send(client.guest, event)
    wanted = [InputEvent(*event) for event in expected]
    # Synchronisation and scan code events are the input core's own.
    assert recording.wait_events({EV_KEY, EV_REL, EV_ABS}, len(wanted)) == wanted
    client.detach(client.port_of(local).number)
    server.wait_status(busid, 1)
    server.unbind(busid)


def test_idle_keyboard_stays_awake(server: Server, client: Client) -> None:
    """A keyboard that may sleep as soon as it is idle still types: its wake-up signal would not cross the wire."""
    busid, local = _import(server, client, "usb-kbd")
    guest = client.guest
    power = f"{usb.SYSFS}/{local}/power"
    recording = Recording(guest, event_node(guest, local))
    guest.run(f"echo 0 > {power}/autosuspend_delay_ms; echo auto > {power}/control")
    # Without the driver's veto the write itself suspends the device, before it returns.
    assert guest.out(f"cat {power}/runtime_status") == "active"
    told, expected = KEYBOARD
    for event in told:
        send(guest, event)
    wanted = [InputEvent(*event) for event in expected]
    assert recording.wait_events({EV_KEY}, len(wanted)) == wanted
    client.detach(client.port_of(local).number)
    server.wait_status(busid, 1)
    server.unbind(busid)


def _idle_keyboard(server: Server, client: Client) -> tuple[str, str]:
    """An imported keyboard without a driver; returns its usbfs node and server busid."""
    busid, local = _import(server, client, "usb-kbd")
    guest = client.guest
    event_node(guest, local)
    guest.run(f"echo {local}:1.0 > /sys/bus/usb/drivers/usbhid/unbind")
    numbers = guest.out(f"cat {usb.SYSFS}/{local}/busnum {usb.SYSFS}/{local}/devnum").split()
    return "/dev/bus/usb/{:03}/{:03}".format(*map(int, numbers)), busid


def _check_alive(guest: Guest, node: str, busid: str) -> None:
    """The device answers, with the descriptor the server's kernel has."""
    descriptor = guest.out(f"od -An -v -tx1 -N18 {usb.SYSFS}/{busid}/descriptors | tr -d ' \\n'")
    assert guest.out(f"usbfs descriptor {node}") == descriptor


def test_unlink_by_timeout(server: Server, client: Client) -> None:
    """Transfers the device never answers end by their time limit; the connection goes on."""
    node, busid = _idle_keyboard(server, client)
    client.guest.run(f"usbfs timeouts {node} 0x81 10")
    _check_alive(client.guest, node, busid)
    assert server.status(busid) == "2\n"


@pytest.mark.parametrize("depth", [1, 16])
def test_unlink_by_request(server: Server, client: Client, depth: int) -> None:
    """URBs that are taken back come back cancelled, however many are in flight."""
    node, busid = _idle_keyboard(server, client)
    client.guest.run(f"usbfs discards {node} 0x81 20 {depth}", timeout=30)
    _check_alive(client.guest, node, busid)
    assert server.status(busid) == "2\n"


def test_detach_with_urb_pending(server: Server, client: Client) -> None:
    """A keyboard's interrupt URB is always pending: detach takes it back."""
    busid, local = _import(server, client, "usb-kbd")
    Recording(client.guest, event_node(client.guest, local))
    client.detach(client.port_of(local).number)
    client.guest.wait_until("! usb-find imported INPUT-usb-kbd")
    server.wait_status(busid, 1)
    client.attach(HOST, busid)
    again = usb.wait_imported(client.guest, "INPUT-usb-kbd")
    event_node(client.guest, again)
