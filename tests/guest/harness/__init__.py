# SPDX-License-Identifier: GPL-2.0
"""Boots Debian guests under QEMU and drives them: what the guest tests and the demo share."""
