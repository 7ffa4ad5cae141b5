#!/bin/sh
# The simulator draws with OpenGL; without a GPU that is Mesa's software renderer, which pip
# cannot install. Installs what is missing when run as root on Debian or Ubuntu, else names it.
set -eu

missing=""
need() { # need LIBRARY PACKAGE
    if ! ldconfig -p 2>/dev/null | grep -q "$1"; then
        missing="$missing $2"
    fi
}
need libOSMesa.so.8 libosmesa6
need libEGL.so.1 libegl1
need libGL.so.1 libgl1
need libgthread-2.0.so.0 libglib2.0-0

[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing system libraries:$missing"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
else
    echo "system libraries for rendering are missing; run:"
    echo "  sudo apt-get install$missing"
    exit 2
fi
