# shellcheck shell=bash
# Taking the deployment away.

# destroy takes away what runs and what it may do. What cannot be brought back
# stays: the database, the secrets, and the directory account, whose client id
# Google Workspace knows; and the queues, emptied and paused, since the name of a
# deleted one is blocked for days (cloud.google.com/tasks/docs/deleting-appengine-queues-and-tasks).
destroy() {
  read_services
  read_project
  confirm
  beside have jobs cloudscheduler scheduler jobs list --location="$region" --format='value(name.basename())'
  beside have functions cloudfunctions functions list --v2 --regions="$region" --format='value(name.basename())'
  beside have queues cloudtasks tasks queues list --location="$region" --format='value(name.basename(),state)'
  beside have subscriptions pubsub pubsub subscriptions list --format='value(name.basename())'
  beside have topics pubsub pubsub topics list --format='value(name.basename())'
  beside have accounts iam iam service-accounts list --format='value(email)'
  beside have policies monitoring alpha monitoring policies list --filter='displayName~^autoprovision:' --format='value(userLabels.autoprovision-policy,name)'
  beside have channels monitoring beta monitoring channels list --filter='userLabels.autoprovision=alerts' --format='value(labels.email_address,name)'
  beside have dashboards monitoring monitoring dashboards list --format='value(name.basename())'
  beside have metrics logging logging metrics list --format='value(name)'
  settle
  destroy_what_runs
  destroy_what_tells
  destroy_rights
  [[ -z $with_data ]] || destroy_data
}

# confirm wants the project's id from a person, unless --yes was given.
confirm() {
  local answer
  [[ -z $yes ]] || return 0
  printf 'This stops provisioning in %s%s. Leavers keep their accounts from then on.\nType the id of the project to go on: ' \
    "$project" "${with_data:+, and deletes the database and the secrets for good}" >&3
  read -r answer || true
  [[ $answer == "$project" ]] || fail 'nothing was changed'
}

# each NAME prints the key, without its prefix, of each thing of ours in a list.
each() { awk -F '\t' '$1 ~ /^autoprovision[-_]/ { print substr($1, length("autoprovision-") + 1) }' "$work/have.$1"; }

destroy_what_runs() {
  local name
  for name in $(each jobs); do
    beside change "delete the job $name" gcloud scheduler jobs delete "autoprovision-$name" --location="$region" --quiet
  done
  for name in $(each queues); do beside stop_queue "$name"; done
  for name in $(each subscriptions); do
    beside change "delete the subscription $name" gcloud pubsub subscriptions delete "autoprovision-$name"
  done
  settle
  for name in $(each functions); do
    beside change "delete the function $name" gcloud functions delete "autoprovision-$name" --gen2 --region="$region" --quiet
  done
  for name in $(each topics); do
    beside change "delete the topic $name" gcloud pubsub topics delete "autoprovision-$name"
  done
  settle
}

stop_queue() {
  [[ $(field queues "autoprovision-$1" 2) == RUNNING ]] || return 0
  change "pause the queue $1" gcloud tasks queues pause "autoprovision-$1" --location="$region" --quiet
  change "empty the queue $1" gcloud tasks queues purge "autoprovision-$1" --location="$region" --quiet
}

destroy_what_tells() {
  local name rest
  while IFS=$'\t' read -r name rest; do
    beside change "delete the alert $name" gcloud alpha monitoring policies delete "$rest" --quiet
  done <"$work/have.policies"
  for name in $(each metrics); do
    beside change "delete the metric $name" gcloud logging metrics delete "autoprovision_$name" --quiet
  done
  ! there dashboards autoprovision ||
    beside change 'delete the dashboard' gcloud monitoring dashboards delete autoprovision --quiet
  settle
  while IFS=$'\t' read -r name rest; do
    beside change "send no alerts to $name any more" gcloud beta monitoring channels delete "$rest" --quiet
  done <"$work/have.channels"
  settle
  destroy_sink
}

destroy_sink() {
  [[ -n $organization ]] || return 0
  if gcloud logging sinks describe "$sink" --organization="$organization" --format='value(name)' >/dev/null 2>"$work/sinks.err"; then
    change "route the organization's audit log nowhere" gcloud logging sinks delete "$sink" --organization="$organization" --quiet
  elif ! grep -q NOT_FOUND "$work/sinks.err"; then
    echo "An administrator of the organization deletes the sink: gcloud logging sinks delete $sink --organization=$organization"
  fi
}

# destroy_rights deletes the accounts, and first what names them in the project's
# policy, where a deleted account would stay on as a stranger.
destroy_rights() {
  local id what
  destroying=yes
  roles_on project
  while read -r id what; do
    [[ $id == ap-directory && -z $with_data ]] || ! there accounts "$(account "$id")" ||
      beside change "delete the service account $id" gcloud iam service-accounts delete "$(account "$id")" --quiet
  done <"$work/table.accounts"
  settle
  if [[ -n $with_data ]]; then
    echo "Take the delegation away at https://admin.google.com/ac/owl/domainwidedelegation"
  fi
}

destroy_data() {
  local name
  have secrets secretmanager secrets list --format='value(name.basename())'
  have databases firestore firestore databases list --format='value(name.basename())'
  for name in $(each secrets); do
    beside change "delete the secret $name" gcloud secrets delete "autoprovision-$name" --quiet
  done
  settle
  if there databases "$database"; then
    change "unprotect the database $database" gcloud firestore databases update --database="$database" --no-delete-protection
    change "delete the database $database" gcloud firestore databases delete --database="$database" --quiet
  fi
}
