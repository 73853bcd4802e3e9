#!/usr/bin/env bash
# The plugin as a zip for QGIS, dist/cvgl-VERSION.zip, from what is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/lint_venv.sh
version=$(sed -n 's/^version=//p' qgis_plugin/metadata.txt)
[ -z "$(git status --porcelain -- qgis_plugin)" ] ||
  echo "Note: changes in qgis_plugin that are not committed do not go into the zip" >&2

# qgis-plugin-ci rewrites metadata.txt and then resets the tree it runs in: never this one.
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone -q . "$clone/cvgl"
(
  cd "$clone/cvgl"
  export GIT_AUTHOR_NAME=ci GIT_AUTHOR_EMAIL=ci@localhost
  export GIT_COMMITTER_NAME=ci GIT_COMMITTER_EMAIL=ci@localhost
  "$LINT/bin/qgis-plugin-ci" package "$version" >"$clone/log" 2>&1 ||
    { cat "$clone/log" >&2; exit 1; }
)
mkdir -p dist
mv "$clone"/cvgl/*.zip "dist/cvgl-$version.zip"
echo "dist/cvgl-$version.zip"
