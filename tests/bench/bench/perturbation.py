# SPDX-License-Identifier: GPL-2.0
"""Differences that are not to matter, and do: they move the phase of every timer and the place of all memory."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Perturbation:
    """Memory of the guest in MiB, and seconds it rests before it is measured."""

    number: int
    memory: int
    rest: float


PERTURBATIONS = (
    Perturbation(0, 768, 20),
    Perturbation(1, 832, 21.37),
    Perturbation(2, 700, 25.113),
    Perturbation(3, 900, 17.9),
)
