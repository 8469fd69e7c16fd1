#!/bin/sh
# Installs Gas Town from this checkout into an environment of its own: packages by their hashes, then the wheel that is built here.
#   packages/docker/build.sh PLACE
set -eu
place=$1
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
"$python" -m venv "$place"
"$place/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock -r requirements-build.lock
wheels=$(mktemp -d)
"$place/bin/python" -m hatchling build --target wheel --directory "$wheels" >/dev/null
"$place/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check --no-deps "$wheels"/*.whl
rm -rf "$wheels"
"$place/bin/gt" version
