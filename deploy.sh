#!/usr/bin/env bash
# Deploys autoprovision to a Google Cloud project. The parts are in infra/gcp, with
# the tables that say what there is; infra/docs/deploy.md tells the whole.
set -euo pipefail

# What there is to build, in this order.
readonly parts=(services accounts database secrets queues topics roles functions triggers sink metrics alerts)

usage() {
  cat <<EOF
Deploys autoprovision to a Google Cloud project.

  ./deploy.sh check            says what is ready and what is not, and what a person has to enter where
  ./deploy.sh plan             says what apply would do, and changes nothing
  ./deploy.sh apply            makes it so; again, it goes on from where it stopped, or has nothing to do
  ./deploy.sh plan|apply PART  only a part, or some: ${parts[*]}
  ./deploy.sh destroy          takes away all but the data; --data takes the database and the secrets too;
                               --yes asks nothing
  ./deploy.sh stage PKG DIR    writes the source that is uploaded for functions/PKG into DIR

Settings are read from .deploy.env, or from --settings=FILE, as lines NAME=VALUE, and from flags
(--project=… for PROJECT), which win:

  PROJECT            the Google Cloud project's id
  REGION             where everything runs and is kept, like europe-west1; for good
  DIRECTORY_SUBJECT  the address of the Workspace administrator as whom the directory is read
  ALERT_EMAIL        where alerts go
  ORGANIZATION       the organization's number, so that changes of groups are seen at once
  DATABASE           the Firestore database, (default)
  SCIM_URL           the app's SCIM address, if it is to be in place from the start
  AUDIT_EVENTS       meanings of audit events that Google has renamed since
  LOG_LEVEL          debug, info, warn or error; info
EOF
}

fail() {
  printf 'deploy.sh: %s\n' "$1" >&2
  exit 1
}

((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || fail "bash 4.4 or newer is needed, this is $BASH_VERSION; Cloud Shell has it"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly root tables="$root/infra/gcp" playbooks="$root/infra/playbooks"
# shellcheck source=infra/gcp/stage.sh
source "$tables/stage.sh"
# shellcheck source=infra/gcp/settings.sh
source "$tables/settings.sh"
# shellcheck source=infra/gcp/change.sh
source "$tables/change.sh"
# shellcheck source=infra/gcp/ground.sh
source "$tables/ground.sh"
# shellcheck source=infra/gcp/roles.sh
source "$tables/roles.sh"
# shellcheck source=infra/gcp/functions.sh
source "$tables/functions.sh"
# shellcheck source=infra/gcp/logs.sh
source "$tables/logs.sh"
# shellcheck source=infra/gcp/check.sh
source "$tables/check.sh"
# shellcheck source=infra/gcp/destroy.sh
source "$tables/destroy.sh"

# Where the delegation is tried, and how long a new account is waited for; tests
# have addresses of their own.
readonly token_address=${AUTOPROVISION_TOKEN_ADDRESS:-https://oauth2.googleapis.com/token}
readonly directory_address=${AUTOPROVISION_DIRECTORY_ADDRESS:-https://admin.googleapis.com}
readonly patience=${AUTOPROVISION_PATIENCE:-10}

main() {
  verb=${1:-help}
  case $verb in
    check | plan | apply | destroy) ;;
    stage)
      (($# == 3)) || fail 'use: ./deploy.sh stage PKG DIR'
      stage "$2" "$3"
      return
      ;;
    help | -h | --help)
      usage
      return
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift
  read_arguments "$@"
  check_settings
  open_work
  export CLOUDSDK_CORE_PROJECT=$project CLOUDSDK_CORE_DISABLE_PROMPTS=1
  "$verb"
}

read_arguments() {
  local argument file="$root/.deploy.env" flags=()
  project='' region='' database='(default)' directory_subject='' alert_email='' organization='' scim_url='' audit_events='' log_level=info
  yes='' with_data='' destroying='' sink_refused='' python='' chosen=()
  for argument in "$@"; do
    case $argument in
      --settings=*) file=${argument#*=} ;;
      --yes) yes=yes ;;
      --data) with_data=yes ;;
      --*=*) flags+=("$argument") ;;
      -h | --help)
        usage
        exit
        ;;
      --*) fail "write $argument=VALUE, in one; ./deploy.sh help lists the settings" ;;
      *)
        [[ $verb =~ ^(plan|apply)$ && " ${parts[*]} " == *" $argument "* ]] || fail "there is no argument $argument; ./deploy.sh help lists them"
        chosen+=("$argument")
        ;;
    esac
  done
  [[ $verb == destroy || -z $yes$with_data ]] || fail '--yes and --data are for destroy'
  if [[ -e $file || $file != "$root/.deploy.env" ]]; then
    [[ -r $file ]] || fail "the settings file $file cannot be read"
    read_settings "$file"
  fi
  for argument in "${flags[@]}"; do
    file=${argument%%=*}
    file=${file#--}
    set_setting "${file//-/_}" "${argument#*=}" "$argument"
  done
}

# open_work makes a folder for what this run reads, removed at its end.
open_work() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  : >"$work/changes"
  read_tables
  exec 3>&1
}

read_project() {
  local wait=()
  if is_on cloudresourcemanager; then wait=(again); fi # it may have been off a moment ago
  project_number=$("${wait[@]}" gcloud projects describe "$project" --format='value(projectNumber)') ||
    fail "the project $project cannot be read. A service account can only when cloudresourcemanager.googleapis.com is on: ./deploy.sh apply services"
}

# find_python finds a Python, which JSON is read with: the one in the path if it
# runs, else the one that gcloud itself runs on.
find_python() {
  [[ -z $python ]] || return 0
  if python3 -c '' 2>/dev/null; then python=python3; else python=$(gcloud info --format='value(basic.python_location)'); fi
}

plan() {
  build
  summary
  ask_for_sink
}

apply() {
  build
  summary
  if [[ ${#chosen[@]} == 0 ]]; then manual_steps; else ask_for_sink; fi
}

# build makes the parts that were chosen, or all, each on what those before it made.
build() {
  local part
  beside need_tools
  read_services
  settle
  enable_first
  read_project
  for part in "${parts[@]}"; do
    if [[ ${#chosen[@]} == 0 || " ${chosen[*]} " == *" $part "* ]]; then "part_$part"; fi
  done
}

summary() {
  local n
  n=$(wc -l <"$work/changes")
  case $verb,$((n)) in
    *,0) echo 'Nothing to change.' ;;
    plan,*) echo "$((n)) changes; nothing was changed." ;;
    *) echo "$((n)) changes made." ;;
  esac
}

main "$@"
