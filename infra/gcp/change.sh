# shellcheck shell=bash
# How deploy.sh reads what there is, and changes it: only through change, so that
# plan and apply cannot differ.

# Commands that run at the same time. Each is a gcloud, which takes some 100 MiB.
readonly lanes=4
jobs_started=0

# read_tables keeps the rows of each table, without comments and empty lines, in a
# file of its name.
read_tables() {
  awk -v folder="$work/table." '
    FNR == 1 { file = FILENAME; gsub(/^.*\/|\.txt$/, "", file) }
    { sub(/[[:space:]]*#.*/, "") }
    NF { print > (folder file) }' "$tables"/*.txt
}

# beside COMMAND... runs a command beside others; settle waits for them all.
# Nothing that follows may depend on it before settle.
beside() {
  local job=$((++jobs_started)) running
  while jobs -rp >"$work/running" && mapfile -t running <"$work/running" && ((${#running[@]} >= lanes)); do wait -n || true; done
  (
    trap 'echo $? >"$work/$job.status"' EXIT
    "$@"
  ) 2>"$work/$job.err" </dev/null &
}

# settle waits for what was started, says what went wrong, and fails if anything did.
settle() {
  local job status failed=0
  wait
  for ((job = jobs_settled + 1; job <= jobs_started; job++)); do
    read -r status 2>/dev/null <"$work/$job.status" || status=gone
    [[ $status == 0 ]] && continue
    failed=1
    cat "$work/$job.err" >&2
  done
  jobs_settled=$jobs_started
  ((failed == 0)) || exit 1
}
jobs_settled=0

# change WHAT COMMAND... says what it changes, and changes it, unless all is only planned.
change() {
  local what=$1
  shift
  echo "$what" >>"$work/changes"
  printf '%s\n' "$what" >&3
  [[ $verb == plan ]] || again "$@" >"$work/said.$BASHPID" || {
    printf 'could not %s\nWhat was done stays; the same command goes on from there.\n' "$what" >&2
    return 1
  }
}

# What Google answers while something that was made a moment ago is not known
# everywhere yet: a service account (cloud.google.com/iam/docs/service-accounts-create),
# an API that was just enabled, a metric that was never written, a queue; and Firestore
# while it makes another index.
readonly not_yet='[Ss]ervice ?[Aa]ccount.*(does not exist|not found)|has not been used in project|Cannot find metric|Queue does not exist|underlying data changed|cross-transaction contention|too much contention'

# What a build says while its account's roles are not known everywhere yet. From
# anything but a build it means that they are missing.
readonly not_yet_built='missing permission on the build service account|does not have (permission|storage\.objects)|Access to bucket .* denied'

# again COMMAND... prints what a command prints, and repeats it for a while when the
# answer is one of these.
again() {
  local try errors="$work/again.$BASHPID"
  for ((try = 1; ; try++)); do
    if "$@" 2>"$errors"; then return 0; fi
    if ((try >= $(tries "$errors" "$@"))); then
      cat "$errors" >&2
      return 1
    fi
    sleep "$patience"
  done
}

# tries ERRORS COMMAND... prints how often a command is tried that fails so: for five
# minutes, for a metric longer than the ten that Google names, and a build, which
# takes its minutes by itself, ten times.
tries() {
  local said
  said=$(cat "$1")
  shift
  if [[ $said == *'Cannot find metric'* ]]; then
    echo 75
  elif [[ $said =~ $not_yet ]]; then
    echo 30
  elif [[ "$*" == 'gcloud functions deploy '* && $said =~ $not_yet_built ]]; then
    echo 10
  else
    echo 1
  fi
}

# have NAME API COMMAND... keeps what there is of one kind, a line each with its
# fields between tabs: none while the API is off, which only plan can meet.
have() {
  local name=$1 api=$2
  shift 2
  : >"$work/have.$name"
  if is_on "$api"; then again gcloud "$@" >"$work/have.$name"; fi
}

# is_on API says whether an API is on.
is_on() { there services "$1.googleapis.com"; }

# there NAME KEY says whether there is something behind a key, and puts its other
# fields into found.
there() {
  local row
  while IFS= read -r row; do
    if [[ $row == "$2" || $row == "$2"$'\t'* ]]; then
      found=${row:${#2}+1}
      return
    fi
  done <"$work/have.$1"
  return 1
}

# compare NAME KEY WANT prints missing, same or differs: the fields that there are
# behind the key against those that are wanted, both between tabs.
compare() {
  local found
  if ! there "$1" "$2"; then
    echo missing
  elif [[ $found == "$3" ]]; then
    echo same
  else
    echo differs
  fi
}

# field NAME KEY N prints a field of what there is; the key is field 1.
field() {
  local found n
  there "$1" "$2" || return 0
  found+=$'\t'
  for ((n = 2; n < $3; n++)); do found=${found#*$'\t'}; done
  echo "${found%%$'\t'*}"
}

# line FIELD... puts fields between tabs.
line() {
  local IFS=$'\t'
  echo "$*"
}
