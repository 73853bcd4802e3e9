# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything about the engine process: finding, starting, talking; no widgets."""
