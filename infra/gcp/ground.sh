# shellcheck shell=bash
# The ground: APIs, accounts, database, secrets, queues and topics.

# The APIs that are on, read first: an API that is off has nothing to list.
read_services() {
  command -v gcloud >/dev/null || fail "gcloud is needed: see https://cloud.google.com/sdk/docs/install; Cloud Shell has it"
  gcloud services list --enabled --format='value(config.name)' >"$work/have.services" || unreadable_project
}

# unreadable_project says what may be the reason.
unreadable_project() {
  local who
  who=$(gcloud auth list --filter=status:ACTIVE --format='value(account)' 2>/dev/null || true)
  [[ -n $who ]] || fail 'nobody is signed in: gcloud auth login, as an owner of the project'
  fail "the project $project cannot be read as $who. PROJECT is a project's id, not its name or number (gcloud projects list shows it), and you must be its owner"
}

# enable_first turns on what the project itself is read with. A person reads it by
# gcloud's own project, a service account by this one, where the API must be on.
enable_first() {
  local api=cloudresourcemanager
  if is_on "$api"; then return; fi
  change "enable $api.googleapis.com" gcloud services enable "$api.googleapis.com"
  [[ $verb == plan ]] || read_services
}

part_services() {
  local missing
  missing=$(grep -vxF -f "$work/have.services" -e cloudresourcemanager.googleapis.com "$work/table.services" || true)
  [[ -z $missing ]] && return
  # shellcheck disable=SC2086 # one argument each
  beside change "enable ${missing//$'\n'/, }" gcloud services enable $missing
  settle
  [[ $verb == plan ]] || read_services
}

part_accounts() {
  local id what
  beside have accounts iam iam service-accounts list --format='value(email,displayName,uniqueId)'
  beside have customroles iam iam roles list --project="$project" --format='value(name.basename())'
  settle
  while read -r id what; do
    there accounts "$(account "$id")" ||
      beside change "create the service account $id" gcloud iam service-accounts create "$id" --display-name="$what"
  done <"$work/table.accounts"
  while read -r id what; do beside custom_role "$id" "$what"; done <"$work/table.customroles"
  settle
}

# custom_role ID PERMISSION makes a role of our own; lists do not say what it permits.
custom_role() {
  if ! there customroles "$1"; then
    change "create the role $1" gcloud iam roles create "$1" --project="$project" --title="$1" --permissions="$2" --stage=GA
  elif [[ $(gcloud iam roles describe "$1" --project="$project" --format='value(includedPermissions.list())') != "$2" ]]; then
    change "let the role $1 permit what it should" gcloud iam roles update "$1" --project="$project" --permissions="$2"
  fi
}

part_database() {
  have databases firestore firestore databases list \
    --format='value(name.basename(),locationId,type,deleteProtectionState,pointInTimeRecoveryEnablement)'
  case $(compare databases "$database" "$(line "$region" FIRESTORE_NATIVE DELETE_PROTECTION_ENABLED POINT_IN_TIME_RECOVERY_ENABLED)") in
    missing)
      change "create the Firestore database $database in $region" \
        gcloud firestore databases create --database="$database" --location="$region" --type=firestore-native \
        --delete-protection --enable-pitr
      ;;
    differs)
      [[ $(field databases "$database" 2) == "$region" ]] ||
        fail "the database $database is in $(field databases "$database" 2) and cannot be moved; set REGION to that, or name another one as DATABASE"
      [[ $(field databases "$database" 3) == FIRESTORE_NATIVE ]] ||
        fail "the database $database is not in native mode; name another one as DATABASE"
      change "protect the Firestore database $database from deletion, and keep its last week" \
        gcloud firestore databases update --database="$database" --delete-protection --enable-pitr
      ;;
  esac
  indexes
}

# indexes go one after another: Firestore refuses one while it begins another. Those
# of a field end before the next begins, since two changes may be of one field.
indexes() {
  local kind group fields orders
  : >"$work/have.indexes"
  : >"$work/have.fields"
  if [[ $verb == apply ]] || there databases "$database"; then
    beside have indexes firestore firestore indexes composite list --database="$database" \
      --format='value(name.segment(5),fields[].fieldPath.list(),fields[].order.list())'
    beside have fields firestore firestore indexes fields list --database="$database" \
      --format='value(name.segment(5),name.segment(7),indexConfig.indexes.len(),ttlConfig.state)'
    settle
  fi
  find_python
  while IFS=$'\t' read -r kind group fields orders; do
    case $kind in
      index) composite_index "$group" "$fields" "$orders" ;;
      exempt)
        grep -q "^$group"$'\t'"$fields"$'\t''0\?'$'\t' "$work/have.fields" ||
          change "leave $group.$fields out of the indexes" gcloud firestore indexes fields update "$fields" \
            --collection-group="$group" --database="$database" --disable-indexes
        ;;
      ttl)
        grep -q "^$group"$'\t'"$fields"$'\t''.*[A-Z]' "$work/have.fields" ||
          change "let documents of $group expire at their $fields" gcloud firestore fields ttls update "$fields" \
            --collection-group="$group" --database="$database" --enable-ttl
        ;;
    esac
  done < <("$python" "$tables/indexes.py" "$tables/firestore.indexes.json")
}

# composite_index GROUP FIELDS ORDERS; Firestore adds __name__ to what it lists.
composite_index() {
  local names orders n args=()
  grep -qE "^$1"$'\t'"$2(,__name__)?"$'\t'"$3(,[A-Z]+)?$" "$work/have.indexes" && return
  IFS=, read -ra names <<<"$2"
  IFS=, read -ra orders <<<"$3"
  for n in "${!names[@]}"; do args+=("--field-config=field-path=${names[n]},order=${orders[n],,}"); done
  change "index $1 by ${2//,/ and }" gcloud firestore indexes composite create --collection-group="$1" \
    --database="$database" "${args[@]}" --async
}

part_secrets() {
  local name maker
  beside have secrets secretmanager secrets list --format='value(name.basename())'
  settle
  while read -r name maker; do
    there secrets "autoprovision-$name" ||
      beside change "create the secret $name" gcloud secrets create "autoprovision-$name" --replication-policy=user-managed --locations="$region"
  done <"$work/table.secrets"
  settle
  while read -r name maker; do
    [[ $maker != random ]] || beside first_version "$name"
  done <"$work/table.secrets"
  settle
}

# first_version NAME gives a secret random bytes, unless it has a version.
first_version() {
  local known=''
  if [[ $verb == apply ]] || there secrets "autoprovision-$1"; then
    known=$(gcloud secrets versions list "autoprovision-$1" --filter=state=ENABLED --limit=1 --format='value(name)')
  fi
  [[ -n $known ]] || change "fill the secret $1 with random bytes" random_version "$1"
}

# random_version NAME; the bytes go through a pipe, so that no process list and no
# log has them.
random_version() {
  head -c 32 /dev/urandom | base64 | tr -d '\n' | gcloud secrets versions add "autoprovision-$1" --data-file=-
}

part_queues() {
  local name rate concurrent attempts duration min max doublings retry
  beside have queues cloudtasks tasks queues list --location="$region" \
    --format='value(name.basename(),retryConfig.maxAttempts,retryConfig.maxRetryDuration,retryConfig.minBackoff,retryConfig.maxBackoff,retryConfig.maxDoublings,state)'
  settle
  while read -r name rate concurrent attempts duration min max doublings; do
    retry=(--location="$region" --max-attempts="$attempts" --max-retry-duration="$duration"
      --min-backoff="$min" --max-backoff="$max" --max-doublings="$doublings")
    case $(compare queues "autoprovision-$name" "$(line "$attempts" "$duration" "$min" "$max" "$doublings" RUNNING)") in
      missing)
        beside change "create the queue $name" gcloud tasks queues create "autoprovision-$name" "${retry[@]}" \
          --max-dispatches-per-second="$rate" --max-concurrent-dispatches="$concurrent"
        ;;
      differs) beside mend_queue "$name" ;;
    esac
  done <"$work/table.queues"
  settle
}

# mend_queue NAME sets how a queue tries again, and lets it run if destroy paused it.
mend_queue() {
  change "set how the queue $1 tries again" gcloud tasks queues update "autoprovision-$1" "${retry[@]}"
  [[ $(field queues "autoprovision-$1" 7) == RUNNING ]] ||
    change "let the queue $1 run" gcloud tasks queues resume "autoprovision-$1" --location="$region"
}

part_topics() {
  local name
  beside have topics pubsub pubsub topics list --format='value(name.basename())'
  beside have subscriptions pubsub pubsub subscriptions list --format='value(name.basename())'
  settle
  # Pub/Sub's own account moves the dead letters; it is made before the topic, so
  # that a topic that is there says that the account is.
  there topics autoprovision-audit-dead ||
    change "make Pub/Sub's own account" gcloud beta services identity create --service=pubsub.googleapis.com
  for name in audit audit-dead; do
    there topics "autoprovision-$name" ||
      beside change "create the topic $name" gcloud pubsub topics create "autoprovision-$name"
  done
  settle
  # Dead letters wait here for a person, as long as Pub/Sub keeps anything.
  there subscriptions autoprovision-audit-dead ||
    change 'create the subscription audit-dead' gcloud pubsub subscriptions create autoprovision-audit-dead \
      --topic=autoprovision-audit-dead --message-retention-duration=31d --expiration-period=never
}
