#!/usr/bin/env bash
# Makes the image: Gradescope runs this as root, once for each upload of the package, in /autograder/source.
#
# Everything goes into a virtual environment of its own; the system's Python, which Gradescope itself needs, stays as it is.
# `setup.sh --environment-only` stops before the package itself is touched (`headmaster simulate` keeps that as a layer).
# It ends with an error if what it made could not grade: a broken image fails here, and not on the night of the deadline.
set -euo pipefail
umask 022 # student code has a user of its own, who must be able to read the environment

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
AUTOGRADER=$(dirname "$SOURCE")
INSTALL=${HEADMASTER_INSTALL:-/opt/headmaster}
PYTHON=${HEADMASTER_PYTHON:-/usr/bin/python3}
CONTAINER=
if [ "$SOURCE" = /autograder/source ]; then CONTAINER=yes; fi

say() { printf 'headmaster: %s\n' "$*"; }
fail() {
    say "ERROR: $*" >&2
    exit 1
}

[ -x "$PYTHON" ] || fail "there is no $PYTHON: choose a base image that has Python, such as Ubuntu 22.04 or 24.04"
"$PYTHON" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' ||
    fail "$("$PYTHON" -V) is not supported, 3.10 to 3.13 are: choose the base image Ubuntu 22.04 or 24.04"

if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
    [ "$CONTAINER" ] || fail "$PYTHON cannot make virtual environments: install python3-venv"
    say "installing python3-venv"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -o DPkg::Lock::Timeout=120 -qq -y --no-install-recommends python3-venv >/dev/null
fi

# what is installed already, by a layer of the image below this one, is not installed again
WANTED=$(cat "$SOURCE/requirements.txt" "$SOURCE/constraints.txt" | cksum)
if [ "$(cat "$INSTALL/installed" 2>/dev/null)" != "$WANTED" ]; then
    say "making the environment in $INSTALL with $("$PYTHON" -V)"
    rm -rf "$INSTALL/venv" "$INSTALL/installed"
    mkdir -p "$INSTALL"
    "$PYTHON" -m venv "$INSTALL/venv"
    "$INSTALL/venv/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        --requirement "$SOURCE/requirements.txt"
    "$INSTALL/venv/bin/python" -m pip check --disable-pip-version-check ||
        fail "the packages that were installed do not fit together: see above"
    printf '%s\n' "$WANTED" >"$INSTALL/installed"
fi
if [ "${1:-}" = --environment-only ]; then exit 0; fi

# the judge imports the rooms by this file; where student code runs, .pth files are not read
SITE=$("$INSTALL/venv/bin/python" -I -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
printf '%s\n' "$SOURCE" >"$SITE/headmaster.pth"
ln -sfn "$INSTALL/venv" "$SOURCE/.venv"

say "closing the package, the submission and the results to other users"
mkdir -p "$AUTOGRADER/submission" "$AUTOGRADER/results"
chmod -R go-rwx "$SOURCE"
chmod 700 "$AUTOGRADER/submission" "$AUTOGRADER/results"

say "verifying: confinement, then the solution"
cd /
"$INSTALL/venv/bin/python" -I -m gradescope.verify ${CONTAINER:+--strict} ||
    fail "the package was installed, but could not grade: see above"
chmod -R go-rwx "$SOURCE" # what Python has compiled since
