# SPDX-License-Identifier: GPL-2.0
"""The harness judged by itself: it must see what a kernel says when it is unwell."""

import pytest
from harness.dmesg import KernelComplaint, Log
from harness.env import Env
from harness.guest import Guest, GuestError
from harness.pool import Pool
from harness.qemu import Machine

BAD = (
    "WARNING: CPU: 0 PID: 1 at kernel/foo.c:12 bar+0x1/0x2",
    "WARNING: possible circular locking dependency detected",
    "WARNING: possible recursive locking detected",
    "WARNING: inconsistent lock state",
    "WARNING: suspicious RCU usage",
    "BUG: kernel NULL pointer dereference, address: 0000000000000008",
    "BUG: KASAN: slab-use-after-free in stub_tx+0x1/0x2",
    "BUG: KCSAN: data-race in tcp_recvmsg_locked / _RNvNtCs1_5usbip3tap4take [usbip_core_rs]",
    "BUG: sleeping function called from invalid context at mm/slab.h:1",
    "BUG: scheduling while atomic: vhci_rx/100/0x00000002",
    "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
    "Oops: general protection fault, probably for non-canonical address",
    "UBSAN: array-index-out-of-bounds in drivers/usb/foo.c:1:2",
    "INFO: task rmmod:123 blocked for more than 30 seconds.",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "refcount_t: underflow; use-after-free.",
    " Call Trace:",
    "list_add corruption. prev->next should be next",
    "unregister_netdevice: waiting for lo to become free. Usage count = 1",
    "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    "BUG usbip_urb (Not tainted): Objects remaining in usbip_urb on __kmem_cache_shutdown()",
    "rust_kernel: panicked at rust/usbip.rs:1:2:",
)

GOOD = (
    "BUG: KCSAN: data-race in generic_fillattr / kernfs_iop_permission",
    "usbip-host 3-1: stub up",
    "vhci_hcd: connection closed",
    "sd 0:0:0:0: [sda] Synchronize Cache(10) failed: Result: hostbyte=DID_NO_CONNECT",
    "usbip_core_rs: loading out-of-tree module taints kernel.",
    "Spectre V2 : User space: Vulnerable",
    "clocksource: Watchdog remote CPU 1 read timed out",
)


@pytest.mark.parametrize("line", BAD)
def test_bad_line(line: str) -> None:
    """Each of these fails a test."""
    with pytest.raises(KernelComplaint):
        Log(f"[    1.000000] fine\n[    2.000000] {line}\n", "nowhere").check()


@pytest.mark.parametrize("line", GOOD)
def test_good_line(line: str) -> None:
    """None of these does."""
    Log(f"[    2.000000] {line}\n", "nowhere").check()


def test_marked_warning(pool: Pool, env: Env) -> None:
    """What the kernel says during a test is found at its end, and not held against the next."""
    (guest,) = pool.take(Machine(name="selftest"))
    guest.begin("unwell")
    guest.run("echo '<4>WARNING: CPU: 0 PID: 1 at selftest' > /dev/kmsg")
    with pytest.raises(KernelComplaint, match="at selftest"):
        guest.finish(env.logs / "selftest").check()
    guest.begin("well again")
    guest.finish(env.logs / "selftest").check()


def test_backtrace(pool: Pool, env: Env) -> None:
    """A backtrace the kernel itself prints is found."""
    (guest,) = pool.take(Machine(name="selftest"))
    guest.begin("backtrace")
    guest.run("echo l > /proc/sysrq-trigger")
    with pytest.raises(KernelComplaint, match="Call Trace"):
        guest.finish(env.logs / "selftest").check()


def test_panic(pool: Pool, env: Env) -> None:
    """A crash ends the command that caused it, its trace is kept, and the guest is replaced."""
    (guest,) = pool.take(Machine(name="selftest"))
    guest.begin("panic")
    with pytest.raises(GuestError, match="died during"):
        guest.run("echo c > /proc/sysrq-trigger")
    log = guest.finish(env.logs / "selftest")
    assert "sysrq triggered crash" in log.text
    with pytest.raises(KernelComplaint, match="Kernel panic"):
        log.check()
    pool.give_back(guest, clean=False)
    (fresh,) = pool.take(Machine(name="selftest"))
    assert isinstance(fresh, Guest) and fresh.out("hostname") == "selftest"
    pool.give_back(fresh, clean=False)
