# shellcheck shell=bash
# Where logs go: the organization's audit log to the topic, our own to metrics,
# alerts and a dashboard.

# The Admin console's own log and that of groups; both are the organization's, not
# the project's (cloud.google.com/logging/docs/audit/gsuite-audit-logging).
sink_filter() {
  echo "logName=\"organizations/$organization/logs/cloudaudit.googleapis.com%2Factivity\" AND protoPayload.serviceName=(\"admin.googleapis.com\" OR \"cloudidentity.googleapis.com\")"
}

readonly sink=autoprovision-audit
sink_topic() { echo "pubsub.googleapis.com/projects/$project/topics/autoprovision-audit"; }

# read_sink keeps the organization's sinks, unless the caller may not see them.
read_sink() {
  : >"$work/have.sinks"
  sink_refused=''
  is_on logging || return 0 # plan, on a new project
  again gcloud logging sinks list --organization="$organization" --format='value(name,destination,filter)' \
    >"$work/have.sinks" 2>"$work/sinks.err" || sink_refusal create
}

# sink_refusal VERB keeps in sink_refused what an administrator of the organization
# has to do, if the caller failed for want of the right to.
sink_refusal() {
  grep -qE 'PERMISSION_DENIED|does not have permission' "$work/sinks.err" || {
    cat "$work/sinks.err" >&2
    return 1
  }
  sink_refused=$1
}

# part_sink routes the audit log to the topic, where the caller may: it is made in
# the organization. Where not, the last words of apply are what to ask for.
part_sink() {
  [[ -n $organization ]] || return 0
  read_sink
  [[ -z $sink_refused ]] || return 0
  case $(compare sinks "$sink" "$(line "$(sink_topic)" "$(sink_filter)")") in
    missing) route create "route the organization's audit log to the topic audit" ;;
    differs) route update "route the organization's audit log to the topic audit anew" ;;
  esac
  [[ $sink_refused == create ]] || sink_writer
}

# route VERB WHAT is a change, unless the caller may only look at the sinks.
route() {
  local changes
  changes=$(cat "$work/changes")
  change "$2" sink_command "$1" 2>"$work/sinks.err" && return
  sink_refusal "$1"
  printf '%s' "${changes:+$changes$'\n'}" >"$work/changes"
  echo 'an administrator of the organization has to do that, see below' >&3
}

sink_command() {
  gcloud logging sinks "$1" "$sink" "$(sink_topic)" --organization="$organization" --log-filter="$(sink_filter)"
}

# sink_writer lets the sink's own identity publish; only Google knows which that
# is, once there is a sink.
sink_writer() {
  local writer=''
  : >"$work/roles.sink"
  if [[ $verb == apply ]] || { there sinks "$sink" && exists topic:audit; }; then
    writer=$(gcloud logging sinks describe "$sink" --organization="$organization" --format='value(writerIdentity)')
    gcloud pubsub topics get-iam-policy autoprovision-audit --flatten='bindings[].members' \
      --format='value[separator="|"](bindings.role,bindings.members)' >"$work/roles.sink"
  fi
  grep -qxF "roles/pubsub.publisher|$writer" "$work/roles.sink" ||
    change 'let the sink publish to the topic audit' gcloud pubsub topics add-iam-policy-binding autoprovision-audit \
      --member="$writer" --role=roles/pubsub.publisher
}

part_metrics() {
  local name filter value
  beside have metrics logging logging metrics list --format='value(name,filter,valueExtractor)'
  settle
  while read -r name filter; do
    value=''
    [[ $filter != EXTRACT* ]] || read -r value filter <<<"$filter"
    filter="resource.type=\"cloud_run_revision\" AND resource.labels.service_name=~\"^autoprovision-\" AND $filter"
    case $(compare metrics "autoprovision_$name" "$(line "$filter" "$value")") in
      missing) beside change "count the log's $name" metric_command create "$name" "$filter" "$value" ;;
      differs) beside change "count the log's $name anew" metric_command update "$name" "$filter" "$value" ;;
    esac
  done <"$work/table.metrics"
  settle
}

# metric_command VERB NAME FILTER VALUE counts the lines, or the values that are in
# them: buckets of doubling size reach from a second to centuries.
metric_command() {
  local file="$work/metric.$2.yaml" about='autoprovision: infra/docs/logs.md'
  if [[ -z $4 ]]; then
    gcloud logging metrics "$1" "autoprovision_$2" --log-filter="$3" --description="$about"
    return
  fi
  cat >"$file" <<END
description: '$about'
filter: '$3'
valueExtractor: $4
metricDescriptor: {metricKind: DELTA, valueType: DISTRIBUTION, unit: s}
bucketOptions: {exponentialBuckets: {numFiniteBuckets: 32, growthFactor: 2, scale: 1}}
END
  gcloud logging metrics "$1" "autoprovision_$2" --config-from-file="$file"
}

# part_alerts makes a policy of each file in alerts/, with its page of the playbook as
# what a person reads in the message, and a dashboard of the same metrics.
part_alerts() {
  local file name channel
  beside have policies monitoring alpha monitoring policies list --filter='displayName~^autoprovision:' \
    --format='value(userLabels.autoprovision-policy,userLabels.autoprovision-source,enabled,name)'
  beside have channels monitoring beta monitoring channels list --filter='userLabels.autoprovision=alerts' \
    --format='value(labels.email_address,name)'
  beside have dashboards monitoring monitoring dashboards list --format='value(name.basename(),labels.autoprovision-source)'
  settle
  if ! there channels "$alert_email"; then
    change "send alerts to $alert_email" gcloud beta monitoring channels create --type=email \
      --display-name='autoprovision alerts' --channel-labels=email_address="$alert_email" --user-labels=autoprovision=alerts
    have channels monitoring beta monitoring channels list --filter='userLabels.autoprovision=alerts' \
      --format='value(labels.email_address,name)'
  fi
  channel=$(field channels "$alert_email" 2)
  for file in "$tables"/alerts/*.yaml; do
    name=${file##*/} name=${name%.yaml}
    policy "$name" "$channel" >"$work/policy.$name.yaml"
    beside apply_policy "$name"
  done
  beside dashboard
  settle
}

# policy NAME CHANNEL prints the whole policy; the channel is named too where a
# message comes again each day.
policy() {
  sed "s#CHANNEL#$2#" "$tables/alerts/$1.yaml"
  printf 'combiner: OR\nnotificationChannels:\n- "%s"\ndocumentation:\n  mimeType: text/markdown\n  content: |\n' "$2"
  sed "s/^\(.\)/    \1/; s/PROJECT/$project/g; s/REGION/$region/g; s/ORGANIZATION/${organization:-ORGANIZATION}/g" "$playbooks/$1.md"
}

apply_policy() {
  local name=$1 file="$work/policy.$1.yaml" fingerprint
  fingerprint=$(sha256sum <"$file" | cut -c1-32)
  printf 'enabled: true\nuserLabels:\n  autoprovision-policy: %s\n  autoprovision-source: "%s"\n' "$name" "$fingerprint" >>"$file"
  case $(compare policies "$name" "$(line "$fingerprint" True "$(field policies "$name" 4)")") in
    missing) change "alert about $name" gcloud alpha monitoring policies create --policy-from-file="$file" ;;
    differs) change "alert about $name anew" gcloud alpha monitoring policies update "$(field policies "$name" 4)" --policy-from-file="$file" ;;
  esac
}

dashboard() {
  local file="$work/dashboard.yaml" fingerprint
  fingerprint=$(sha256sum <"$tables/dashboard.yaml" | cut -c1-32)
  { cat "$tables/dashboard.yaml" && printf 'labels:\n  autoprovision-source: "%s"\n' "$fingerprint"; } >"$file"
  case $(compare dashboards autoprovision "$fingerprint") in
    missing)
      echo "name: projects/$project_number/dashboards/autoprovision" >>"$file"
      change 'make the dashboard' gcloud monitoring dashboards create --config-from-file="$file"
      ;;
    differs)
      echo "etag: $(gcloud monitoring dashboards describe autoprovision --format='value(etag)')" >>"$file"
      change 'make the dashboard anew' gcloud monitoring dashboards update autoprovision --config-from-file="$file"
      ;;
  esac
}
