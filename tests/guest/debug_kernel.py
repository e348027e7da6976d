# SPDX-License-Identifier: GPL-2.0
"""What differs on a debug kernel: which tests run, and for how long."""

import os

import pytest
from harness.contract import Check
from harness.env import is_debug
from harness.modules import Kind

# Tests that move data through the C usbip-host, which reads requests after freeing them: KASAN is right to
# report that, and reports nothing of ours after it.
_THROUGH_C_HOST = ("test_sysfs.py::test_attached", "test_selftest.py")
# DKMS knows the kernels that are installed as packages.
_STOCK_ONLY = "test_packages.py::test_dkms"
_ONLY_HERE = ("test_faults", "test_kmemleak", "test_kunit")
_TIMES_SLOWER = 4
# With --lane: what finds most for its time, in a quarter of an hour on two processors.
_LANE = (
    "test_contract.py::test_kernel_log[concurrency]",
    "test_contract.py::test_kernel_log[hostile]",
    "test_contract.py::test_over_tcp[hostile]",
    "test_faults.py::test_allocations[client]",
    "test_hostile_wire.py",
    "test_kmemleak.py",
    "test_kunit.py",
    "test_lifecycle.py::test_detach_busy",
    "test_lifecycle.py::test_pulled_out[busy]",
    "test_matrix.py::test_stick[rs-rs-rs-rs]",
    "test_unload.py::test_busy",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The whole suite takes hours there."""
    parser.addoption("--lane", action="store_true", help="only what finds most for its time")


def _wanted(item: pytest.Item) -> bool:
    if item.path.stem == "test_soak":
        return bool(os.environ.get("SOAK_SECONDS"))
    if not is_debug():
        return item.path.stem not in _ONLY_HERE
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    check = params.get("check")
    needs_c = params.get("server_kind") is Kind.C or (isinstance(check, Check) and not check.is_fix)
    return not needs_c and not item.nodeid.startswith((*_THROUGH_C_HOST, _STOCK_ONLY))


def _time_limit(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0] if marker else item.config.getini("timeout"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, so that nothing counts as skipped; a debug kernel gets more time."""
    in_lane = config.getoption("--lane")
    unwanted = [item for item in items if not _wanted(item) or (in_lane and not item.nodeid.startswith(_LANE))]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
        items[:] = [item for item in items if item not in unwanted]
    if is_debug():
        for item in items:
            item.add_marker(pytest.mark.timeout(_TIMES_SLOWER * _time_limit(item)), append=False)
