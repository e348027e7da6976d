# SPDX-License-Identifier: GPL-2.0
"""Guests that go to sleep, up to their devices, and wake up at once."""

from .guest import Guest

# A suspend costs the guest agent its port. What is asked before the old agent is gone has no answer.
REOPEN = (
    "cd /sys/bus/virtio/drivers/virtio_console; agent=$(pidof qemu-ga);"
    " for device in virtio*; do echo $device > unbind; echo $device > bind; done;"
    " kill $agent; while kill -0 $agent; do sleep 0.1; done;"
)
# How long the agent has to tell that the command in the background has begun.
_AHEAD_SECONDS = 3


def suspends(guest: Guest) -> bool:
    """Whether a guest suspends to idle when told to; if so, it is awake again."""
    guest.run("echo 0 > /sys/module/suspend/parameters/pm_test_delay; echo devices > /sys/power/pm_test")
    position = guest.console.position
    # In the background, and not at once: the agent's port does not survive being asked during a suspend.
    freeze = f"sleep {_AHEAD_SECONDS}; echo freeze > /sys/power/state; code=$?"
    guest.run(f"({freeze}; {REOPEN} echo \"suspended: $code\" > /dev/kmsg) > /dev/null 2>&1 &")
    assert guest.console.wait_for("suspended: ", position, 60 * guest.env.patience)
    guest.run("echo none > /sys/power/pm_test")
    return "suspended: 0" in guest.console.since(position)
