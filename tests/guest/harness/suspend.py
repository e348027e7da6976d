# SPDX-License-Identifier: GPL-2.0
"""Guests that go to sleep, up to their devices, and wake up at once."""

from .guest import Guest

# A suspend costs the guest agent its port.
REOPEN = (
    "cd /sys/bus/virtio/drivers/virtio_console;"
    " for device in virtio*; do echo $device > unbind; echo $device > bind; done; pkill -x qemu-ga;"
)


def suspends(guest: Guest) -> bool:
    """Whether a guest suspends to idle when told to; if so, it is awake again."""
    guest.run("echo 0 > /sys/module/suspend/parameters/pm_test_delay; echo devices > /sys/power/pm_test")
    position = guest.console.position
    # In the background, and not at once: the agent's port does not survive being asked during a suspend.
    guest.run(f"(sleep 1; echo freeze > /sys/power/state; echo \"suspended: $?\" > /dev/kmsg; {REOPEN}) > /dev/null 2>&1 &")
    assert guest.console.wait_for("suspended: ", position, 60 * guest.env.patience)
    guest.run("echo none > /sys/power/pm_test")
    return "suspended: 0" in guest.console.since(position)
