# shellcheck shell=bash
# Settings: read from a file and from flags, all of them checked before anything else.

readonly setting_names='project region database directory_subject alert_email organization scim_url log_level audit_events'

# read_settings FILE takes NAME=VALUE lines; the file is not run.
read_settings() {
  local text name number=0
  while IFS= read -r text || [[ -n $text ]]; do
    number=$((number + 1))
    text=${text%$'\r'}
    [[ $text =~ ^[[:space:]]*(#|$) ]] && continue
    [[ $text =~ ^[[:space:]]*([A-Z_]+)=(.*)$ ]] || fail "$1, line $number: write NAME=VALUE, nothing around them"
    name=${BASH_REMATCH[1],,}
    set_setting "$name" "${BASH_REMATCH[2]}" "$1, line $number"
  done <"$1"
}

# set_setting NAME VALUE WHERE
set_setting() {
  [[ " $setting_names " == *" $1 "* ]] || fail "$3: there is no setting ${1^^}; there are ${setting_names^^}"
  printf -v "$1" %s "$2"
}

# check_settings ends with every setting that is wrong or missing.
check_settings() {
  local email='^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$' wrong=()
  [[ $project =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] || wrong+=('PROJECT: the id of the Google Cloud project, 6 to 30 of a-z, 0-9 and -')
  [[ $region =~ ^[a-z]+-[a-z]+[0-9]+$ ]] || wrong+=('REGION: a region that has Cloud Run functions and Firestore, like europe-west1; it cannot be changed later')
  [[ $database == '(default)' || $database =~ ^[a-z][a-z0-9-]{2,61}[a-z0-9]$ ]] || wrong+=('DATABASE: the id of the Firestore database, (default) unless another program uses that')
  [[ $directory_subject =~ $email ]] || wrong+=('DIRECTORY_SUBJECT: the address of the Workspace administrator as whom the directory is read')
  [[ $alert_email =~ $email ]] || wrong+=('ALERT_EMAIL: the address that alerts are sent to')
  [[ -z $organization || $organization =~ ^[0-9]+$ ]] || wrong+=('ORGANIZATION: the number of the Google Cloud organization, or nothing')
  [[ -z $scim_url || $scim_url =~ ^https://[^/@[:space:]]+(/[^[:space:]]*)?$ ]] || wrong+=('SCIM_URL: an https:// address, or nothing')
  [[ $log_level =~ ^(debug|info|warn|error)$ ]] || wrong+=('LOG_LEVEL: debug, info, warn or error')
  [[ -z $audit_events || $audit_events =~ ^[A-Za-z_=\;[:space:]]+$ ]] || wrong+=('AUDIT_EVENTS: lists such as user=newEvent otherEvent; ignore=third, or nothing')
  ((${#wrong[@]} == 0)) && return
  printf 'deploy.sh: these settings are missing or wrong (infra/docs/deploy.md):\n' >&2
  printf '  %s\n' "${wrong[@]}" >&2
  exit 2
}

# account ID prints the address of a service account of ours.
account() { echo "$1@$project.iam.gserviceaccount.com"; }

# url FUNCTION prints a function's address on its own host, which is known before
# it is deployed (cloud.google.com/run/docs/triggering/https-request). Only there
# do Cloud Tasks, Cloud Scheduler and Pub/Sub count as internal callers
# (cloud.google.com/run/docs/securing/ingress), and only there is the console's
# cookie no other function's.
url() { echo "https://autoprovision-$1-$project_number.$region.run.app"; }

# value NAME prints the value of a function's setting.
value() {
  case $1 in
    PROJECT) echo "$project" ;;
    REGION) echo "$region" ;;
    DATABASE) echo "$database" ;;
    QUEUE_PREFIX | SECRET_PREFIX) echo autoprovision- ;;
    LOG_LEVEL) echo "$log_level" ;;
    RECONCILE_URL) url reconcile ;;
    SWEEP_URL) url sweep ;;
    PUSH_URL) url directory-push ;;
    AUDIT_URL) url audit-event ;;
    RENEW_URL) url renew-channels ;;
    CONSOLE_URL) url console ;;
    TASKS_ACCOUNT) account ap-tasks ;;
    SCHEDULER_ACCOUNT) account ap-scheduler ;;
    PUBSUB_ACCOUNT) account ap-pubsub ;;
    DIRECTORY_ACCOUNT) account ap-directory ;;
    DIRECTORY_SUBJECT) echo "$directory_subject" ;;
    SCIM_URL) echo "$scim_url" ;;
    AUDIT_EVENTS) echo "$audit_events" ;;
    *) fail "settings.txt: nobody knows the value of $1" ;;
  esac
}
