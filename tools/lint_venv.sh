# Sourced from the root of the repository: sets LINT, a virtual environment with the tools that check the plugin.
LINT=${LINT_VENV:-$PWD/.venv-lint}
if ! [ -e "$LINT/.ready" ] || [ tools/lint_venv.sh -nt "$LINT/.ready" ]; then
  "${PYTHON:-python3}" -m venv "$LINT"
  "$LINT/bin/pip" install -q --disable-pip-version-check \
    qgis-plugin-ci==2.10.0 flake8-qgis==2.1.0 bandit==1.9.4 detect-secrets==1.5.0 PyQt6==6.11.0
  touch "$LINT/.ready"
fi
