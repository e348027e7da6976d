# SPDX-License-Identifier: GPL-2.0
"""One run: its guests, one after the other or several at a time, and what they find."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from harness.dmesg import KernelComplaint

from .job import Job
from .machine import BadRun, Clock, Machine
from .outcome import Outcome, read_counts, read_outcomes
from .plugin import find_events
from .samples import Samples


# Seconds; no guest is as quick.
_KEPT = 1.0


@dataclass(frozen=True)
class Roots:
    """Initramfs without a job."""

    plain: bytes
    ours: bytes

    def of(self, job: Job) -> bytes:
        """The one a job is run with."""
        return self.ours if job.stack.has_ours else self.plain


@dataclass
class Run:
    """The guests of one run. FAILED gets what went wrong; the others go on."""

    machine: Machine
    roots: Roots
    directory: Path
    samples: Samples
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        counted = self.machine.clock is Clock.INSTRUCTIONS
        self._events = find_events(self.machine, self.roots.plain, self.directory / "events") if counted else {}

    def measure(self, jobs: list[Job], at_once: int) -> None:
        """Run all jobs, so many at a time, and keep what they find."""
        progress = _Progress(jobs, at_once)
        with ThreadPoolExecutor(at_once) as pool:
            for job, (found, seconds) in zip(jobs, pool.map(self._try, jobs)):
                if isinstance(found, str):
                    self.failed.append(f"{job.name}: {found}")
                    said = f"FAILED: {found}"
                else:
                    said = f"{len(found)} cells, {f'{seconds:.0f} s' if seconds > _KEPT else 'kept'}"
                    for outcome in found:
                        self.samples.add(outcome.cell, job.stack, job.perturbation.number, outcome.figures)
                progress.done(job, kept=seconds <= _KEPT)
                print(f"{progress} {job.name}: {said}", flush=True)

    def _try(self, job: Job) -> tuple[list[Outcome] | str, float]:
        begin = time.monotonic()
        try:
            found: list[Outcome] | str = self._measure(job)
        except (BadRun, KernelComplaint) as error:
            found = str(error)
        return found, time.monotonic() - begin

    def _measure(self, job: Job) -> list[Outcome]:
        directory = self.directory / job.name
        root, watched = self.roots.of(job), tuple(self._events.values())
        lines = self.machine.run(root, job.script, job.perturbation, directory, watched)
        counted = self.machine.clock is Clock.INSTRUCTIONS
        counts = read_counts(directory / "counts", list(self._events)) if counted else None
        return read_outcomes(lines, counts)


def estimate(jobs: list[Job], at_once: int) -> str:
    """What a run will take, in words, if there are no results yet."""
    return f"{len(jobs)} guests, {at_once} at a time: about {_minutes(_Progress(jobs, at_once).left)} on idle processors"


class _Progress:
    """How far a run is, and how long it will take: as estimated at first, then as it has gone so far."""

    def __init__(self, jobs: list[Job], at_once: int) -> None:
        self._jobs = jobs
        self._at_once = at_once
        self._begin = time.monotonic()
        self._number = 0
        self._wanted = sum(job.estimate for job in jobs)
        self._done = 0.0

    @property
    def left(self) -> float:
        """Seconds."""
        left = self._wanted - self._done
        passed = time.monotonic() - self._begin
        return left * passed / self._done if self._done else left / self._at_once

    def done(self, job: Job, kept: bool) -> None:
        """One more; one that was measured before tells nothing about the others."""
        self._number += 1
        if kept:
            self._wanted -= job.estimate
        else:
            self._done += job.estimate

    def __str__(self) -> str:
        return f"[{self._number}/{len(self._jobs)}, about {_minutes(self.left)} left]"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
