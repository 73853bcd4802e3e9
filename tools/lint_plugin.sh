#!/usr/bin/env bash
# What the QGIS plugin repository checks, and that the plugin is ready for Qt 6.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/lint_venv.sh

"$LINT/bin/flake8" --select QGS1,QGS4,E9,F --extend-ignore QGS105 --max-line-length 120 qgis_plugin
# B404, B603, B607: the engine is a process of its own, started from a list, never through a shell.
"$LINT/bin/bandit" -q -r -s B404,B603,B607 qgis_plugin
secrets=$("$LINT/bin/detect-secrets" scan --all-files qgis_plugin)
grep -q '"results": {}' <<<"$secrets" || { echo "$secrets" >&2; exit 1; }
"$LINT/bin/python" tools/translations.py --check
"$LINT/bin/python" tools/check_qt6.py
"$LINT/bin/python" tools/check_plugin_zip.py "$(tools/package_plugin.sh)"
