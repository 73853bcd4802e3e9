# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of the dock, one widget a file; none of them talks to the engine."""
