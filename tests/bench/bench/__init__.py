# SPDX-License-Identifier: GPL-2.0
"""make bench: the C modules and ours under the same load in the same run."""
