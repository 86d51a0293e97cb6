#!/bin/sh
# After the app was packed: requirements.txt is the laptop's again.
set -eu
[ ! -f .azure/requirements.txt ] || mv .azure/requirements.txt requirements.txt
