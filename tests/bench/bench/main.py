# SPDX-License-Identifier: GPL-2.0
"""One run: guests, data file, table."""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.dmesg import KernelComplaint
from harness.env import Env

from . import halves, isochronous, storage, table, whole
from .document import write_document
from .job import Job
from .machine import BadRun, Clock, Machine
from .outcome import Outcome, read_counts, read_outcomes
from .plugin import build_plugin, find_events
from .root import build_root
from .samples import Samples

_CELLS = ("quick", "all", whole.SUITE, halves.SUITE, isochronous.SUITE, storage.SUITE)


class Run:
    """The guests of one run."""

    def __init__(self, machine: Machine, directory: Path, samples: Samples) -> None:
        self._machine = machine
        self._directory = directory
        self._samples = samples
        self._events = find_events(machine, directory / "events") if machine.clock is Clock.INSTRUCTIONS else {}

    def measure(self, jobs: list[Job], at_once: int) -> None:
        """Run all jobs, so many at a time, and keep what they find."""
        with ThreadPoolExecutor(at_once) as pool:
            for number, (job, found) in enumerate(zip(jobs, pool.map(self._measure, jobs)), start=1):
                outcomes, seconds = found
                for outcome in outcomes:
                    self._samples.add(outcome.cell, job.stack, job.perturbation.number, outcome.figures)
                print(f"[{number}/{len(jobs)}] {job.name}: {len(outcomes)} cells, {seconds:.0f} s", flush=True)

    def _measure(self, job: Job) -> tuple[list[Outcome], float]:
        begin = time.monotonic()
        directory = self._directory / job.name
        lines = self._machine.run(job.script, job.perturbation, directory, tuple(self._events.values()))
        counted = self._machine.clock is Clock.INSTRUCTIONS
        counts = read_counts(directory / "counts", list(self._events)) if counted else None
        return read_outcomes(lines, counts), time.monotonic() - begin


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="C and ours, side by side")
    parser.add_argument("--cells", choices=_CELLS, default="all", help="what to measure")
    parser.add_argument("--accel", choices=("tcg", "kvm"), default="tcg", help="count instructions, or take the time")
    parser.add_argument("--data", type=Path, help="measure nothing, write docs/ from this data file")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="guests at a time")
    return parser.parse_args()


def _clock(env: Env, accel: str) -> Clock:
    if accel == "tcg":
        return Clock.INSTRUCTIONS
    if env.accel != "kvm":
        raise BadRun("KVM does not work here ('make setup' has tried): run without ACCEL=kvm to count instructions")
    return Clock.WALL


def _jobs(cells: str) -> list[Job]:
    suites: dict[str, Iterable[Job]] = {
        whole.SUITE: whole.jobs(cells == "quick"),
        halves.SUITE: halves.jobs(),
        isochronous.SUITE: isochronous.jobs(),
        storage.SUITE: storage.jobs(),
    }
    chosen = list(suites) if cells == "all" else [whole.SUITE] if cells == "quick" else [cells]
    return [job for suite in chosen for job in suites[suite]]


def _about(env: Env, clock: Clock) -> dict[str, str]:
    qemu = subprocess.run(["qemu-system-x86_64", "--version"], check=True, capture_output=True, text=True).stdout
    return {
        "date": date.today().isoformat(),
        "kernel": env.kernel_release,
        "qemu": qemu.splitlines()[0],
        "clock": clock,
    }


def _measure(options: argparse.Namespace) -> Samples:
    env = Env.read()
    clock = _clock(env, options.accel)
    directory = env.out / "bench"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    with TemporaryDirectory(dir=directory) as scratch:
        root = build_root(env, Path(scratch))
    machine = Machine(env, clock, root, build_plugin(directory / "count.so"))
    samples = Samples(_about(env, clock))
    Run(machine, directory, samples).measure(_jobs(options.cells), options.jobs)
    samples.write(directory / "data.json")
    (directory / "table").write_text(table.text(samples))
    return samples


def main() -> int:
    """Measure, and show the table; 0 if everything ran, whatever the verdicts."""
    options = _arguments()
    try:
        samples = Samples.read(options.data) if options.data else _measure(options)
    except (BadRun, KernelComplaint) as error:
        print(f"make bench: {error}", file=sys.stderr)
        return 1
    print(table.text(samples), end="")
    if options.data or options.cells == "all":
        print(f"written: {write_document(samples)}")
    return 0
