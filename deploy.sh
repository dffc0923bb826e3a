#!/usr/bin/env bash
# Deploys autoprovision to a Google Cloud project.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly root

fail() {
  printf 'deploy.sh: %s\n' "$1" >&2
  exit 1
}

# shellcheck source=infra/gcp/stage.sh
source "$root/infra/gcp/stage.sh"

[[ ${1:-} == stage && $# == 3 ]] || fail 'use: ./deploy.sh stage PACKAGE FOLDER'
stage "$2" "$3"
