#!/usr/bin/env bash
# Tests of the plugin in real QGIS, without a screen. Needs Debian's python3-qgis: installed here
# where that is possible, otherwise the tests are skipped and it is said so. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${QGIS_VENV:-$PWD/.venv-qgis}
engine=${CVGL_PYTHON:-$PWD/.venv/bin/python}

has_qgis() { /usr/bin/python3 -c 'import qgis.core' 2>/dev/null; }

if ! has_qgis && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing QGIS from the distribution (about 280 MB, once)"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends \
      qgis python3-qgis python3-venv xvfb xauth imagemagick; } >"$log" 2>&1 || tail -n 3 "$log"
  rm -f "$log"
fi
if ! has_qgis; then
  echo "SKIPPED: the tests in QGIS; python3-qgis is not installed, and installing it needs apt-get and root"
  exit 0
fi

if ! [ -e "$venv/.ready" ] || [ "$0" -nt "$venv/.ready" ]; then
  /usr/bin/python3 -m venv --system-site-packages "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check \
    pytest==9.2.0 pytest-qgis==5.0.2 pytest-qt==4.5.0 pytest-timeout==2.4.0
  touch "$venv/.ready"
fi

# pytest-qgis makes its profile in the root: no setting of the user is read, and none is kept.
own=$(mktemp -d)
trap 'rm -rf "$own"' EXIT
export XDG_RUNTIME_DIR=$own XDG_CONFIG_HOME=$own/config
export QT_QPA_PLATFORM=offscreen PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 CVGL_PYTHON=$engine
"$venv/bin/python" -m pytest -q -c pyproject.toml --rootdir "$own" -p no:cacheprovider \
  "${@:-tests/qgis_plugin}"
