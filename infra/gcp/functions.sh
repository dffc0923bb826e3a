# shellcheck shell=bash
# Functions, and what calls them: jobs and the subscription to the audit log.

part_functions() {
  deploy_functions
  open_functions
}

part_triggers() {
  audit_subscription
  roles_on subscription
  scheduler_jobs
}

deploy_functions() {
  local row
  have functions cloudfunctions functions list --v2 --regions="$region" \
    --format='value(name.basename(),labels.autoprovision-source,state,serviceConfig.ingressSettings,serviceConfig.maxInstanceCount,serviceConfig.serviceAccountEmail)'
  while read -r row; do
    # shellcheck disable=SC2086 # the columns of a row
    beside deploy_function $row
  done <"$work/table.functions"
  settle
}

# deploy_function NAME PACKAGE INGRESS MEMORY CPU CONCURRENCY INSTANCES SECONDS
# deploys a function unless what would be deployed is what is. A label keeps the
# fingerprint of source, settings and flags, since the API shows none of a source;
# who reaches it, as what it runs and how often are looked at beside it.
deploy_function() {
  local name=$1 package=$2 source="$work/source.$1" settings="$work/settings.$1.yaml" flags fingerprint want ingress=ALLOW_ALL
  [[ $3 == all ]] || ingress=ALLOW_INTERNAL_ONLY
  stage "$package" "$source"
  settings_of "$name" >"$settings"
  flags=(--gen2 --region="$region" --runtime=go126 --entry-point="$name" --trigger-http --ingress-settings="$3"
    --service-account="$(account "ap-$name")" --build-service-account="projects/$project/serviceAccounts/$(account ap-build)"
    --memory="$4" --cpu="$5" --concurrency="$6" --min-instances=0 --max-instances="$7" --timeout="$8s")
  fingerprint=$({
    fingerprint_of "$source"
    cat "$settings"
    printf '%s\n' "${flags[@]}"
  } | sha256sum | cut -c1-32)
  want=$(line "$fingerprint" ACTIVE "$ingress" "$7" "$(account "ap-$name")")
  [[ $(compare functions "autoprovision-$name" "$want") == same ]] && return
  # A new function is closed until open_functions; on one that there is, the flag
  # would close it for that long.
  there functions "autoprovision-$name" || flags+=(--no-allow-unauthenticated)
  change "deploy the function $name" gcloud functions deploy "autoprovision-$name" "${flags[@]}" --source="$source" \
    --env-vars-file="$settings" --update-labels="autoprovision-source=$fingerprint$(commit_label)"
}

# open_functions lets callers reach the functions. Cloud Run takes the signature out of
# a token that it has checked itself (cloud.google.com/run/docs/troubleshooting), and
# each function checks its caller's token to the signature, so Cloud Run checks none:
# not by a role for everyone, which domain restricted sharing forbids
# (cloud.google.com/run/docs/authenticating/public). What only Google's services call
# is closed to other networks instead: see functions.txt.
open_functions() {
  local name rest off
  have callers run run services list --region="$region" \
    --format='value(metadata.name,metadata.annotations."run.googleapis.com/invoker-iam-disabled")'
  while read -r name rest; do
    off=$(field callers "autoprovision-$name" 2)
    [[ ${off,,} == true ]] ||
      beside change "let callers reach the function $name" gcloud run services update "autoprovision-$name" \
        --region="$region" --no-invoker-iam-check
  done <"$work/table.functions"
  settle
}

# settings_of FUNCTION prints its environment as YAML; no setting is a secret.
settings_of() {
  local names name text
  names=$(awk -v name="$1" '$1 == name { $1 = ""; print }' "$work/table.settings")
  [[ -n $names ]] || fail "settings.txt has no row for the function $1"
  for name in $names; do
    text=$(value "$name")
    printf "AUTOPROVISION_%s: '%s'\n" "$name" "${text//\'/\'\'}"
  done
}

fingerprint_of() {
  (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
}

commit_label() {
  local commit
  if commit=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null); then echo ",commit=$commit"; fi
}

scheduler_jobs() {
  local name target seconds when want flags
  have jobs cloudscheduler scheduler jobs list --location="$region" \
    --format='value(name.basename(),schedule,httpTarget.uri,httpTarget.oidcToken.serviceAccountEmail,httpTarget.oidcToken.audience,attemptDeadline,httpTarget.body,state)'
  while read -r name target seconds when; do
    want=$(line "$when" "$(url "$target")" "$(account ap-scheduler)" "$(url "$target")" "${seconds}s" e30= ENABLED) # {}
    flags=(--location="$region" --schedule="$when" --time-zone=Etc/UTC --uri="$(url "$target")" --http-method=POST
      --oidc-service-account-email="$(account ap-scheduler)" --oidc-token-audience="$(url "$target")"
      --attempt-deadline="${seconds}s" --max-retry-attempts=3 --min-backoff=10s --max-backoff=60s)
    case $(compare jobs "autoprovision-$name" "$want") in
      missing)
        beside change "schedule $name" gcloud scheduler jobs create http "autoprovision-$name" "${flags[@]}" \
          --message-body='{}' --headers=Content-Type=application/json
        ;;
      differs) beside mend_job "$name" ;;
    esac
  done <"$work/table.jobs"
  settle
}

mend_job() {
  change "schedule $1 anew" gcloud scheduler jobs update http "autoprovision-$1" "${flags[@]}" \
    --message-body='{}' --update-headers=Content-Type=application/json
  [[ $(field jobs "autoprovision-$1" 8) == ENABLED ]] ||
    change "let the job $1 run" gcloud scheduler jobs resume "autoprovision-$1" --location="$region"
}

# audit_subscription pushes the audit log to its function, as an account of ours.
# What fails some sixteen hours long goes to the dead letters: 100 attempts is Pub/Sub's most.
audit_subscription() {
  local want flags
  have subscriptions pubsub pubsub subscriptions list \
    --format='value(name.basename(),pushConfig.pushEndpoint,pushConfig.oidcToken.serviceAccountEmail,pushConfig.oidcToken.audience,deadLetterPolicy.deadLetterTopic.basename(),deadLetterPolicy.maxDeliveryAttempts,retryPolicy.maximumBackoff,ackDeadlineSeconds,messageRetentionDuration)'
  want=$(line "$(url audit-event)" "$(account ap-pubsub)" "$(url audit-event)" autoprovision-audit-dead 100 600s 120 604800s)
  flags=(--push-endpoint="$(url audit-event)" --push-auth-service-account="$(account ap-pubsub)"
    --push-auth-token-audience="$(url audit-event)" --ack-deadline=120 --message-retention-duration=7d --expiration-period=never
    --dead-letter-topic=autoprovision-audit-dead --max-delivery-attempts=100 --min-retry-delay=10s --max-retry-delay=600s)
  case $(compare subscriptions autoprovision-audit "$want") in
    missing)
      change 'create the subscription audit' gcloud pubsub subscriptions create autoprovision-audit \
        --topic=autoprovision-audit "${flags[@]}"
      ;;
    differs) change 'set how the subscription audit delivers' gcloud pubsub subscriptions update autoprovision-audit "${flags[@]}" ;;
  esac
}
