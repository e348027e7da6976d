# SPDX-License-Identifier: GPL-2.0
"""The command line: what to measure, and how."""

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.dmesg import KernelComplaint
from harness.env import Env

from . import crowd, distance, ethernet, halves, isochronous, kvm, neighbours, storage, table, tools, whole
from .document import write_document
from .job import Job
from .machine import BadRun, Clock, Machine
from .perturbation import PERTURBATIONS
from .plugin import build_plugin
from .root import OUR_MODULES, build_root
from .run import Roots, Run, estimate
from .samples import Samples

# Those that most targets are about come first.
SUITES: dict[str, Callable[[], Iterable[Job]]] = {
    whole.SUITE: whole.jobs,
    storage.SUITE: storage.jobs,
    isochronous.SUITE: isochronous.jobs,
    neighbours.SUITE: neighbours.jobs,
    crowd.SUITE: crowd.jobs,
    ethernet.SUITE: ethernet.jobs,
    distance.SUITE: distance.jobs,
    halves.SUITE: halves.jobs,
    tools.SUITE: tools.jobs,
}
_ALL, _QUICK = "all", "quick"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="C and ours, side by side")
    parser.add_argument("--suite", choices=SUITES, help="only this one")
    parser.add_argument("--cells", default=_ALL, help="'quick', or patterns of labels: 'whole/high/512/* */8/in'")
    parser.add_argument("--perturbations", type=int, choices=range(1, len(PERTURBATIONS) + 1), default=len(PERTURBATIONS))
    parser.add_argument("--accel", choices=("tcg", "kvm"), default="tcg", help="count instructions, or take the time")
    parser.add_argument("--data", type=Path, help="measure nothing, write docs/ from this data file")
    parser.add_argument("--document", action="store_true", help="write docs/ although not everything is measured")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="guests at a time")
    return parser.parse_args()


def _jobs(options: argparse.Namespace) -> list[Job]:
    """What is wanted; raises BadRun if that is nothing."""
    suites = [options.suite] if options.suite else list(SUITES)
    patterns = whole.QUICK if options.cells == _QUICK else ["*"] if options.cells == _ALL else options.cells.split()
    jobs = [job.only(patterns) for suite in suites for job in SUITES[suite]()]
    chosen = [job for job in jobs if job.labels and job.perturbation.number < options.perturbations]
    if options.cells == _QUICK:
        chosen = [job for job in chosen if job.stack in whole.BOTH_ENDS]
    # A run that was interrupted has at least some guests of everything: fewer PERTURBATIONS show them.
    chosen.sort(key=lambda job: job.perturbation.number)
    if not chosen:
        labels = sorted({label for suite in suites for job in SUITES[suite]() for label in job.labels})
        raise BadRun(f"no cell fits '{options.cells}'; cells are such as {', '.join(labels[:: max(1, len(labels) // 8)])}")
    return chosen


def _clock(env: Env, accel: str) -> Clock:
    if accel == "tcg":
        return Clock.INSTRUCTIONS
    if reason := kvm.obstacle(env):
        raise BadRun(f"ACCEL=kvm cannot be: {reason}. Run without it to count instructions, which needs no KVM.")
    return Clock.WALL


def _qemu() -> str:
    said = subprocess.run(["qemu-system-x86_64", "--version"], check=True, capture_output=True, text=True).stdout
    return said.splitlines()[0]


def _about(env: Env, clock: Clock, qemu: str) -> dict[str, str]:
    modules = b"".join((env.our_modules / f"{name}.ko").read_bytes() for name in OUR_MODULES)
    machine = "2 processors of the host's, KVM" if clock is Clock.WALL else "1 processor of TCG, -icount shift=0"
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    return {
        "date": date.today().isoformat(),
        "kernel": env.kernel_release,
        "qemu": qemu,
        "guest": f"pc, {machine}",
        "clock": clock,
        "host": next((line.partition(": ")[2] for line in processors if line.startswith("model name")), "unknown"),
        "our modules": hashlib.sha256(modules).hexdigest()[:12],
    }


def _measure(options: argparse.Namespace) -> tuple[Samples, list[str]]:
    env, jobs = Env.read(), _jobs(options)
    clock, qemu = _clock(env, options.accel), _qemu()
    print(f"{estimate(jobs, options.jobs)}; guests that were measured before are not run again", flush=True)
    directory = env.out / "bench"
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=directory) as scratch:
        roots = Roots(*(build_root(env, Path(scratch), with_ours) for with_ours in (False, True)))
    machine = Machine(env, clock, build_plugin(directory / "count.so"), qemu)
    run = Run(machine, roots, directory / "guests", Samples(_about(env, clock, qemu)))
    run.measure(jobs, options.jobs)
    run.samples.write(directory / "data.json")
    (directory / "table").write_text(table.text(run.samples))
    return run.samples, run.failed


def main() -> int:
    """Measure, and show the table; 0 if everything ran, whatever the verdicts."""
    options = _arguments()
    try:
        samples, failed = (Samples.read(options.data), []) if options.data else _measure(options)
    except (BadRun, KernelComplaint, OSError) as error:
        print(f"make bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make bench: interrupted; the guests that are done are kept, 'make bench' goes on with the others", file=sys.stderr)
        return 130
    print(table.text(samples), end="")
    everything = not failed and options.cells == _ALL and not options.suite and options.perturbations == len(PERTURBATIONS)
    if options.data or options.document or everything:
        print(f"written: {write_document(samples)}")
    for failure in failed:
        print(f"make bench: {failure}", file=sys.stderr)
    return 1 if failed else 0
