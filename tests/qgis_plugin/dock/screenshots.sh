#!/usr/bin/env bash
# Pictures of the plugin in the full QGIS desktop, on a virtual screen, with a fresh profile: a
# simulated city is indexed, a photo dropped, its answer awaited. Needs qgis, xvfb and imagemagick.
#   tests/qgis_plugin/dock/screenshots.sh [FOLDER]     (default: build/screenshots)
set -euo pipefail
cd "$(dirname "$0")/../../.."
repo=$PWD
out=$(realpath -m "${1:-build/screenshots}")
export CVGL_PYTHON=${CVGL_PYTHON:-$repo/.venv/bin/python} OMP_NUM_THREADS=1
bin=$(dirname "$CVGL_PYTHON")
mkdir -p "$out"

if ! [ -e "$out/city/city.cvgl/manifest.json" ]; then
  rm -rf "$out/city"
  "$bin/cvgl" simulate city -o "$out/city" --size-m 400 --seed 7 --photos 6
  "$bin/cvgl-tile" build "$out/city/ortho.tif" -o "$out/city/city.cvgl"
fi

# shoot NAME SCENE [VARIABLE=VALUE...]
shoot() {
  local name=$1 scene=$2 size=1500x1000 theme=default
  shift 2
  for pair in "$@"; do
    case $pair in SIZE=*) size=${pair#*=} ;; THEME=*) theme=${pair#*=} ;; esac
  done
  local run; run=$(mktemp -d)
  mkdir -p "$run/prof/profiles/cvgl/QGIS" "$run/home"; mkdir -m 700 "$run/xdg"
  printf '[PythonPlugins]\nqgis_plugin=true\n[qgis]\ncheckVersion=false\nshowTips=false\n[UI]\nUITheme=%s\n[Themes]\n[app]\n' \
    "$theme" >"$run/prof/profiles/cvgl/QGIS/QGIS3.ini"
  local screen; screen=$(( 70 + RANDOM % 900 ))
  Xvfb ":$screen" -screen 0 "${size}x24" -nolisten tcp >/dev/null 2>&1 & local xvfb=$!
  sleep 1
  env HOME="$run/home" XDG_RUNTIME_DIR="$run/xdg" DISPLAY=":$screen" QT_QPA_PLATFORM=xcb \
    LIBGL_ALWAYS_SOFTWARE=1 QGIS_PLUGINPATH="$repo" CVGL_SHOTS="$out/city" CVGL_OUT="$run" \
    CVGL_SCENE="$scene" CVGL_SIZE="$size" "$@" \
    qgis --nologo --noversioncheck --profiles-path "$run/prof" --profile cvgl \
    --code "$repo/tests/qgis_plugin/dock/drive.py" >"$run/qgis.log" 2>&1 & local qgis=$!
  for _ in $(seq 600); do
    [ -e "$run/drive.done" ] && break
    kill -0 $qgis 2>/dev/null || break
    sleep .5
  done
  DISPLAY=":$screen" import -window root "$out/$name.png"
  cat "$run/drive.done" 2>/dev/null || tail -n 20 "$run/qgis.log"
  kill $qgis 2>/dev/null || true
  sleep 1
  kill -9 $qgis $xvfb 2>/dev/null || true
  wait $qgis $xvfb 2>/dev/null || true
  rm -rf "$run"
  convert "$out/$name.png" -resize 1300x -strip -quality 74 "$out/$name.jpg"
  echo "$out/$name.jpg"
}

want() { [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $1 "* ]]; }
want qgis-located && shoot qgis-located located SIZE=1500x1160
want qgis-dark && shoot qgis-dark located "THEME=Night Mapping" CVGL_PHOTO=0001.jpg
want qgis-scaled && shoot qgis-scaled located QT_SCALE_FACTOR=1.5 SIZE=2100x1300 CVGL_SIZE=1400x866 CVGL_PHOTO=0005.jpg
want qgis-long && shoot qgis-long long CVGL_PHOTO=0004.jpg
want qgis-empty && shoot qgis-empty empty
want qgis-noengine && shoot qgis-noengine noengine CVGL_PYTHON=/nowhere/python
true
