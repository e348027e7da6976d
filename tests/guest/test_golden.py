# SPDX-License-Identifier: GPL-2.0
"""Debian's tools and ours say the same in the same guest: golden.toml has the cases and the exceptions.

The table of the comparison is printed and kept as golden.txt beside the logs.
"""

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import modules, usb
from harness.guest import Guest
from harness.modules import Kind
from harness.server import Server
from harness.stick import Stick
from harness.tools import Tools

CASES = tomllib.loads(Path(__file__).with_name("golden.toml").read_text())
STATES = [state["name"] for state in CASES["state"]]
PATHS = {
    Tools.DEB: "/usr/sbin:/usr/bin:/sbin:/bin:/opt/usbip-rs/bin",
    Tools.RS: "/opt/usbip-rs/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
CAUSE = "usbip: info: "
IDS = "/usr/share/misc/usb.ids"
SEPARATOR = "golden-case"
FUNCTIONS = f"""
compare() {{
	( eval "$1" ) >/run/golden.out 2>/run/golden.err </dev/null
	echo {SEPARATOR} $?
	cat /run/golden.out; echo
	echo {SEPARATOR}
	cat /run/golden.err; echo
}}
wait_for() {{
	limit=400
	until eval "$1"; do
		sleep 0.05
		limit=$((limit - 1))
		[ $limit -gt 0 ] || {{ echo "never: $1" >&3; return; }}
	done
}}
"""


@dataclass(frozen=True)
class Said:
    """What a case came to."""

    code: int
    out: list[str]
    err: list[str]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    state: str
    case: str
    verdict: str

    @property
    def failed(self) -> bool:
        """Whether this difference is one nobody allowed."""
        return self.verdict.startswith("DIFFERENT")


def _script(cases: list[str], prelude: str) -> str:
    """A shell script that runs all cases and prints code, output and messages of each."""
    lines = [FUNCTIONS, prelude]
    for case in cases:
        kind, _, rest = case.partition(" ")
        if kind == "do":
            lines.append(f"eval {shlex.quote(rest)} >/dev/null 2>&1 </dev/null")
        elif kind == "until":
            lines.append(f"wait_for {shlex.quote(rest)} 3>&2 >/dev/null 2>&1")
        else:
            lines.append(f"compare {shlex.quote(case)}")
    return "\n".join(lines)


def _compared(cases: list[str]) -> list[str]:
    return [case for case in cases if case.partition(" ")[0] not in ("do", "until")]


def _say(guest: Guest, tools: Tools, state: dict[str, Any], prelude: str) -> list[Said]:
    """Run the cases of a state with one set of tools."""
    script = _script(state["cases"], f"export PATH={PATHS[tools]}; {prelude}")
    ran = guest.run("sh -s", stdin=script.encode(), timeout=60)
    assert "never:" not in ran.err, f"{tools}: a state did not come about: {ran.err}"
    parts = re.split(rf"^{SEPARATOR}(?: (\d+))?\n", ran.out, flags=re.MULTILINE)[1:]
    quads = zip(parts[0::4], parts[1::4], parts[3::4], strict=True)
    # The newline that ends the captured text is the script's.
    return [Said(int(code), out[:-1].splitlines(), err[:-1].splitlines()) for code, out, err in quads]


def _only_causes_added(reference: list[str], ours: list[str]) -> bool:
    """Whether OURS is REFERENCE with lines about the cause in between or after."""
    rest = iter(reference)
    wanted = next(rest, None)
    for line in ours:
        if line == wanted:
            wanted = next(rest, None)
        elif not line.startswith(CAUSE):
            return False
    return wanted is None


def _fits(lines: list[str], expected: list[str], busid: str) -> bool:
    """Expected lines are literal, or patterns between slashes; a pattern at the end may go on."""
    for number, want in enumerate(expected):
        want = want.replace("$B", busid)
        if number >= len(lines):
            return False
        if want.startswith("/"):
            if not re.match(want[1:], lines[number]):
                return False
        elif lines[number] != want:
            return False
    return len(lines) == len(expected) or (bool(expected) and expected[-1].startswith("/"))


def _fix_for(state: str, case: str, nth: int) -> dict[str, Any] | None:
    for fix in CASES["fix"]:
        if fix["case"] == case and fix.get("state", state) == state and fix.get("nth", nth) == nth:
            return fix
    return None


def _verdict(fix: dict[str, Any] | None, reference: Said, ours: Said, busid: str) -> str:
    if fix:
        fits = (
            ours.code == fix.get("code", reference.code)
            and _fits(ours.out, fix.get("out", reference.out), busid)
            and _fits(ours.err, fix.get("err", reference.err), busid)
        )
        if ours == reference:
            return "DIFFERENT: listed as FIX, but equal"
        return f"FIX: {fix['why']}" if fits else f"DIFFERENT from its FIX: {reference} / {ours}"
    if ours == reference:
        return "equal"
    if ours.code == reference.code != 0 and ours.out == reference.out and _only_causes_added(reference.err, ours.err):
        return "equal, and the cause"
    return f"DIFFERENT: {reference} / {ours}"


def _compare(state: dict[str, Any], reference: list[Said], ours: list[Said], busid: str) -> list[Row]:
    rows = []
    counts: dict[str, int] = {}
    for case, theirs, mine in zip(_compared(state["cases"]), reference, ours, strict=True):
        counts[case] = counts.get(case, 0) + 1
        fix = _fix_for(state["name"], case, counts[case])
        rows.append(Row(state["name"], case, _verdict(fix, theirs, mine, busid)))
    return rows


def _table(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        case = " ".join(row.case.split())
        lines.append(f"{row.state:<11} | {case if len(case) <= 70 else case[:67] + '...':<70} | {row.verdict}")
    equal = sum(row.verdict.startswith("equal") for row in rows)
    fixes = sum(row.verdict.startswith("FIX") for row in rows)
    lines.append(f"{len(rows)} cases: {equal} equal, {fixes} FIX, {len(rows) - equal - fixes} different")
    return "\n".join(lines)


@pytest.fixture
def speedy(mixed_guest: Guest) -> Iterator[Guest]:
    """A guest with a short usb.ids: Debian's tools read all of it for every list, which takes a second here."""
    short = f"sed -n '/^46f4/,/^5032/p; /^C 00/,/^AT /p' {IDS}.full > {IDS}"
    mixed_guest.run(f"mv {IDS} {IDS}.full && {short}")
    yield mixed_guest
    mixed_guest.run(f"mv {IDS}.full {IDS}")


@pytest.mark.parametrize("name", STATES)
def test_same_words(
    name: str, speedy: Guest, kind: Kind, stick: Stick, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every case of a state prints and ends the same with both sets of tools, or is a FIX."""
    guest = speedy
    state = CASES["state"][STATES.index(name)]
    guest.plug(stick)
    busid = usb.wait_local(guest, stick.serial)
    usb.wait_disk(guest, busid)
    roles = state.get("modules", [])
    if "vhci" in roles:
        modules.load(guest, modules.VHCI[kind], whole=True)
    said = {}
    for tools in (Tools.DEB, Tools.RS):
        server = Server(guest, kind, tools)
        if "host" in roles:
            server.start()
        said[tools] = _say(guest, tools, state, f"B={busid}; SERIAL={stick.serial}")
        if "host" in roles:
            server.stop()
    rows = _compare(state, said[Tools.DEB], said[Tools.RS], busid)
    table = _table(rows)
    guest.env.logs.mkdir(parents=True, exist_ok=True)
    (guest.env.logs / f"golden-{name.replace(' ', '-')}.txt").write_text(table + "\n")
    with capsys.disabled():
        print(f"\n{table}")
    assert not [row for row in rows if row.failed]


def test_every_fix_is_used() -> None:
    """A FIX belongs to a case; one that does not is a mistake in the table."""
    cases = {(state["name"], case) for state in CASES["state"] for case in state["cases"]}
    for fix in CASES["fix"]:
        assert any(case == fix["case"] and fix.get("state", state) == state for state, case in cases), fix["case"]
