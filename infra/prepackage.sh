#!/bin/sh
# Before the app is packed: requirements.txt, the only list that the platform's build reads, becomes the lock file of
# the adapter that the app is set to. infra/postpackage.sh puts the laptop's back.
set -eu
platform="${BATON_PLATFORM:-azureml_v2}"
lock="requirements-$platform.txt"
if [ ! -f "$lock" ]; then
  echo "BATON_PLATFORM is $platform, but there is no $lock. Next: azd env set BATON_PLATFORM azureml_v2" >&2
  exit 1
fi
mkdir -p .azure
[ -f .azure/requirements.txt ] || cp requirements.txt .azure/requirements.txt
cp "$lock" requirements.txt
echo "The package is built from $lock."
