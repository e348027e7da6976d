# SPDX-License-Identifier: GPL-2.0
"""Fixtures: guests to run a test in, sticks to plug into them; every kernel log is judged."""

import re
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from harness import kmemleak
from harness.client import Client
from harness.contract import machine
from harness.dmesg import Log
from harness.env import Env
from harness.guest import Guest
from harness.kept import Kept
from harness.link import Link
from harness.modules import Kind
from harness.network import joined
from harness.pool import Pool
from harness.qemu import Machine
from harness.server import Server
from harness.stick import Stick
from harness.tools import Tools

pytest_plugins = ["debug_kernel", "tables", "device_table", "reasons"]

PLAIN = Machine()
# Freed memory is poisoned, so that a use after free is found without KASAN, and no slab object hides on a
# processor's private list. The C usbip-host does use a request after freeing it and would not survive here.
STRICT = Machine(name="strict", words="slab_debug=FZP")
# With what KUnit needs to run the suites of a module when it is loaded. Those of the kernel crate are not for
# PREEMPT_RT: they expect interrupts to be off where it leaves them on.
TESTING = Machine(name="testing", words="kunit.enable=1 kunit.autorun=1 kunit.filter_glob=usbip*")

LOGS = pytest.StashKey[list[Log]]()
USED = pytest.StashKey[list[Guest]]()
PASSED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Driver tests run against our modules; against the C ones they tell what the reference does."""
    parser.addoption("--modules", choices=list(Kind), default=Kind.RS)
    parser.addoption("--tools", choices=list(Tools), default=Tools.DEB)


def _directory(env: Env, item: pytest.Item) -> Path:
    """Where a test's logs go."""
    return env.logs / re.sub(r"[^\w.-]+", "_", f"{item.path.stem}.{item.name}").strip("_")


@pytest.fixture(scope="session")
def env() -> Env:
    """The toolbox's environment."""
    return Env.read()


@pytest.fixture(scope="session")
def pool(env: Env, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """The session's guests."""
    pool = Pool(env, tmp_path_factory.mktemp("pool"))
    yield pool
    # The C modules, which lose things, have not been where memory is poisoned.
    guests = [guest for guest in pool.guests if env.debug and guest.is_poisoned and guest.alive]
    for guest in guests:
        guest.go_on()
    lost = [leak for guest in guests for leak in kmemleak.leaks(guest, [])]
    pool.close()
    assert not lost, f"{len(lost)} objects lost\n" + "\n".join(lost[:10])


def _borrow(request: pytest.FixtureRequest, pool: Pool, *machines: Machine) -> Iterator[list[Guest]]:
    """Lend guests to a test and take them back."""
    guests = pool.take(*machines)
    for guest in guests:
        guest.begin(request.node.name)
    used = request.node.stash.setdefault(USED, [])
    used += guests
    yield guests
    logs = request.node.stash.get(LOGS, [])
    clean = len(logs) == len(used) and not any(log.complaints for log in logs)
    for guest in guests:
        pool.give_back(guest, clean=clean and guest.alive)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Kind:
    """The modules under test: ours, or with --modules=c the reference."""
    return Kind(request.config.getoption("--modules"))


@pytest.fixture
def tools(request: pytest.FixtureRequest) -> Tools:
    """The tools that drive the modules under test."""
    return Tools(request.config.getoption("--tools"))


@pytest.fixture
def guest_machine(kind: Kind) -> Machine:
    """What `guest` is made of."""
    return STRICT if kind is Kind.RS else PLAIN


@pytest.fixture
def guest(request: pytest.FixtureRequest, pool: Pool, guest_machine: Machine) -> Iterator[Guest]:
    """A guest for the modules under test, as booted but for traces of earlier tests in its log."""
    for guests in _borrow(request, pool, guest_machine):
        yield guests[0]


@pytest.fixture
def mixed_guest(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Guest]:
    """A guest the C modules can live in too."""
    for guests in _borrow(request, pool, PLAIN):
        yield guests[0]


@pytest.fixture
def pair(request: pytest.FixtureRequest, pool: Pool, guest_machine: Machine) -> Iterator[list[Guest]]:
    """Two guests, server (10.77.0.1) and client (10.77.0.2), on one virtual network."""
    yield from _borrow(request, pool, *joined(pool.scratch, words=guest_machine.words))


@pytest.fixture(scope="module")
def lasting(pool: Pool) -> Iterator[list[Kept]]:
    """What `kept` leaves to the next test of a file: one, or none."""
    lasting: list[Kept] = []
    yield lasting
    for kept in lasting:
        for guest in kept.guests:
            pool.give_back(guest, clean=guest.alive)


@pytest.fixture
def kept(
    request: pytest.FixtureRequest,
    pool: Pool,
    kind: Kind,
    guest_machine: Machine,
    lasting: list[Kept],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Kept]:
    """A stick that is exported and attached by nobody but the services; the same in all tests of a file that pass."""
    guests = pool.take(*joined(pool.scratch, words=guest_machine.words))
    for guest in guests:
        guest.begin(request.node.name)
    request.node.stash[USED] = guests
    try:
        if not lasting:
            stick = Stick.make(tmp_path_factory.mktemp("kept") / "stick.img", "KEPT0001")
            kept = Kept(Server(guests[0], kind, Tools.RS), Client(guests[1], kind, Tools.RS), stick)
            kept.start()
            lasting.append(kept)
        yield lasting[0]
    finally:
        if not request.node.stash.get(PASSED, False):
            lasting.clear()
            for guest in guests:
                pool.give_back(guest, clean=False)


@pytest.fixture
def packaged(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Guest]:
    """A guest that systemd runs and whose Debian packages a test may change."""
    words = f"{STRICT.words} usbip.init=systemd systemd.firstboot=0 systemd.getty_auto=0"
    for guests in _borrow(request, pool, Machine(name="packaged", words=words)):
        yield guests[0]


@pytest.fixture
def quiet_guest(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Guest]:
    """A guest with devices for our modules that nobody else talks to."""
    for guests in _borrow(request, pool, machine(Kind.RS)):
        yield guests[0]


@pytest.fixture
def testing_guest(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Guest]:
    """A guest that runs the KUnit suites of what is loaded; the debug kernel only."""
    for guests in _borrow(request, pool, TESTING):
        yield guests[0]


@pytest.fixture
def server(guest: Guest, kind: Kind, tools: Tools) -> Server:
    """The serving side under test, not started."""
    return Server(guest, kind, tools)


@pytest.fixture
def client(guest: Guest, kind: Kind, tools: Tools) -> Client:
    """The importing side under test, in the same guest, not started."""
    return Client(guest, kind, tools)


@pytest.fixture
def link(server: Server, client: Client, stick: Stick) -> Link:
    """A stick between server and client, not plugged in."""
    return Link(server, client, stick)


@pytest.fixture
def stick(tmp_path: Path, request: pytest.FixtureRequest) -> Stick:
    """A freshly made stick that is not plugged in."""
    return Stick.make(tmp_path / "stick.img", f"STICK{crc32(request.node.name.encode()):08X}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test whose guest's kernel complained, and keep the logs of every test."""
    failed = True
    try:
        result = yield
        failed = False
        return result
    finally:
        logs = item.stash.setdefault(LOGS, [])
        for guest in item.stash.get(USED, []):
            logs.append(guest.finish(_directory(guest.env, item)))
        if not failed:
            for log in logs:
                log.check()
            item.stash[PASSED] = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
    """Show where a failed test's logs are, and their end."""
    report = yield
    if report.failed:
        for log in item.stash.get(LOGS, []):
            report.sections.append((f"kernel log, whole in {log.kept_in}", log.tail))
            if log.complaints:
                report.sections.append(("kernel complaints", "\n".join(log.complaints)))
    return report
