# shellcheck shell=bash
# Settings: read from a file and from flags, all of them checked before anything else.

readonly setting_names='project region database directory_subject alert_email organization scim_url log_level audit_events'

# read_settings FILE takes NAME=VALUE lines; the file is not run.
read_settings() {
  local text name number=0
  while IFS= read -r text || [[ -n $text ]]; do
    number=$((number + 1))
    text=${text%"${text##*[![:space:]]}"} # nobody sees blanks at the end
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
  must_match PROJECT '^[a-z][a-z0-9-]{4,28}[a-z0-9]$' 'the id of the Google Cloud project, 6 to 30 of a-z, 0-9 and -'
  must_match REGION '^[a-z]+-[a-z]+[0-9]+$' 'a region that has Cloud Run functions and Firestore, like europe-west1; it cannot be changed later'
  must_match DATABASE '^(\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$' 'the id of the Firestore database, (default) unless another program uses that'
  must_match DIRECTORY_SUBJECT "$email" 'the address of the Workspace administrator as whom the directory is read'
  must_match ALERT_EMAIL "$email" 'the one address that alerts are sent to, which may be a group'
  must_match ORGANIZATION '^[0-9]*$' 'the number of the Google Cloud organization, or nothing'
  must_match SCIM_URL '^(https://[^/@[:space:]]+(/[^[:space:]]*)?)?$' 'an https:// address, or nothing'
  must_match LOG_LEVEL '^(debug|info|warn|error)$' 'debug, info, warn or error'
  must_match AUDIT_EVENTS '^[A-Za-z_=;[:space:]]*$' 'lists such as user=newEvent otherEvent; ignore=third, or nothing'
  ((${#wrong[@]} == 0)) && return
  printf 'deploy.sh: these settings are missing or wrong (infra/docs/deploy.md); write them into .deploy.env beside deploy.sh:\n' >&2
  printf '  %s\n' "${wrong[@]}" >&2
  exit 2
}

# must_match NAME PATTERN RULE says what is wrong with a setting, with its value,
# in which quotes or a comment can be seen.
must_match() {
  local -n setting=${1,,}
  [[ $setting =~ $2 ]] || wrong+=("$1: $3${setting:+; this is «$setting»}")
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
