# SPDX-License-Identifier: GPL-2.0-or-later
"""The environment of the engine: QGIS's own, without what would break another Python.

QGIS, its start scripts and other plugins set variables that lead a second Python to the wrong
standard library, PROJ database, Qt or loader path. Pure Python: no Qt, no QGIS.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PYTHON = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONUSERBASE",
    "PYTHONSTARTUP",
    "PYTHONEXECUTABLE",
    "__PYVENV_LAUNCHER__",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
)
GDAL_PROJ = (
    "PROJ_LIB",
    "PROJ_DATA",
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "GDAL_PAM_PROXY_DIR",
    "GEOTIFF_CSV",
)
LOADER = (
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "DYLD_LIBRARY_PATH",
    "DYLD_FRAMEWORK_PATH",
    "DYLD_INSERT_LIBRARIES",
)
QT_QGIS = (
    "QT_PLUGIN_PATH",
    "QT_QPA_PLATFORM",
    "QT_QPA_PLATFORM_PLUGIN_PATH",
    "QGIS_PREFIX_PATH",
    "QGIS_PLUGINPATH",
    "OSGEO4W_ROOT",
)
REMOVED = PYTHON + GDAL_PROJ + LOADER + QT_QGIS
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Kept where they lead to something that is not a part of QGIS."""

SET = {
    "PYTHONIOENCODING": "utf-8",
    "PYTHONUNBUFFERED": "1",
    "PYTHONNOUSERSITE": "1",
    "PYTHONSAFEPATH": "1",
}


def scrubbed_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for the engine.

    Args:
        environment: of QGIS; that of this process if None.
    """
    source = os.environ if environment is None else environment
    installs = [source[name] for name in ("OSGEO4W_ROOT", "QGIS_PREFIX_PATH") if source.get(name)]
    kept = {
        name: value
        for name, value in source.items()
        if name.upper() not in REMOVED
        and not (name.upper() in CERTIFICATES and _useless(value, installs))
    }
    return {**kept, **SET}


def _useless(path: str, installs: list[str]) -> bool:
    """Tell whether a path is not there, or belongs to an install of QGIS."""
    # A prefix such as /usr holds the system's own certificates, too: only a folder of QGIS counts.
    own = [folder for folder in installs if str(Path(folder)) not in ("/", "/usr", "/usr/local")]
    return not Path(path).exists() or any(_inside(path, folder) for folder in own)


def _inside(path: str, folder: str) -> bool:
    """Tell whether a path lies in a folder."""
    return Path(folder).resolve() in (Path(path).resolve(), *Path(path).resolve().parents)
