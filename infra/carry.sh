#!/bin/sh
# `infra/carry.sh out|in`: one side of carrying a version on, in a pipeline that is signed in to az. It reads from the environment
# what cli/carrying.py needs: RELEASE (out), CERTIFICATE, BATON_REGISTRY, BATON_PUBLIC_KEYS, BATON_WORKSPACE_SOURCE, BATON_URL, BATON_AUDIENCE.
set -eu
baton() { python -c 'from cli.main import main; main()' "$@"; }
: "${BATON_PUBLIC_KEYS:?the public key of who certified: baton certificate key}" "${BATON_REGISTRY:?an Azure ML registry}" "${CERTIFICATE:?what infra/approved.py printed}"
case "$1" in
  out)
    BATON_TOKEN=$(az account get-access-token --resource "$BATON_AUDIENCE" --query accessToken --output tsv)
    export BATON_TOKEN
    baton carry out "$RELEASE" --to "$BATON_REGISTRY" --certificate "$CERTIFICATE" --file carried.json ;;
  in) baton carry in carried.json --from "$BATON_REGISTRY" --certificate "$CERTIFICATE" ;;
  *) echo "infra/carry.sh out|in" >&2; exit 1 ;;
esac
