# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine's commands as Processing algorithms: for models, batches and ``qgis_process``."""
