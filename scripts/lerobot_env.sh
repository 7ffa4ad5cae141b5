#!/bin/sh
# Makes .venv-lerobot: the official lerobot package, an oracle for the data sets that we write and
# read (tests/data/test_oracle.py). 1.5 GB with torch for the CPU; where pip would take torch for
# CUDA (3 GB more), set PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
# PYTHON chooses the interpreter (3.11 or newer). Run it again at any time; it changes nothing then.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
venv="$here/../.venv-lerobot"
pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check"

[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
$pip torch==2.13.0
$pip --no-deps -r "$here/lerobot_requirements.txt"

# torchvision's wheel has compiled operators for CUDA only; without them the package refuses to be
# imported for their sake. LeRobot's data sets use none of them, only transforms.
if ! "$venv/bin/python" -c 'import torchvision' 2>/dev/null; then
    site="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
    operators=torchvision._meta_registrations
    echo "import sys, types; sys.modules.setdefault('$operators', types.ModuleType('$operators'))" \
        > "$site/torchvision_without_operators.pth"
fi

# torchcodec decodes with FFmpeg's shared libraries.
if ! ldconfig -p 2>/dev/null | grep -q libavdevice; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ffmpeg >/dev/null
    else
        echo "FFmpeg is missing; run: sudo apt-get install ffmpeg"
        exit 2
    fi
fi
"$venv/bin/python" -c '
import torchcodec.decoders
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from importlib.metadata import version
print("ready:", ", ".join(name + " " + version(name) for name in ("lerobot", "torch", "torchcodec")))'
