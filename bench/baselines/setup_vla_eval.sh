#!/usr/bin/env bash
# Makes .venv-vla-eval: vla-eval and LIBERO, on the simulator versions of this project, without torch.
# PYTHON chooses the interpreter (3.11 or newer). Run it again at any time; it changes nothing then.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
venv="$here/../../.venv-vla-eval"

if [ ! -x "$venv/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r "$here/vla_eval_requirements.txt"
echo "ready: $(cd "$venv" && pwd) ($("$venv/bin/python" -m pip list 2>/dev/null \
    | awk '/^(vla-eval|mujoco|robosuite|numpy) /{printf "%s%s %s", sep, $1, $2; sep=", "}'))"
