# shellcheck shell=bash
# Roles: what roles.txt says, no more and no less, on everything that has a policy.

part_roles() { roles_on project account secret queue topic; }

# roles_on KIND... makes the rows about things of these kinds true.
roles_on() {
  local on
  find_python
  while read -r on; do
    beside roles_of "$on"
  done < <(things_of "$@")
  settle
}

# things_of KIND... prints the things of these kinds that roles.txt names. The
# database is guarded by the project's policy.
things_of() {
  awk -v kinds=" $* " '
    { on = $3 == "database" ? "project" : $3; split(on, kind, ":") }
    index(kinds, " " kind[1] " ") && !seen[on]++ { print on }' "$work/table.roles"
}

# roles_of THING makes the rows about it true, with one change of its policy.
roles_of() {
  local file="$work/policy.$1" command lines
  policy_of "$1" # sets command
  wanted_roles "$1" >"$file.wanted"
  : >"$file.json"
  if [[ $verb == apply || $verb == destroy ]] || exists "$1"; then
    again gcloud "${command[@]/#VERB/get-iam-policy}" --format=json >"$file.json"
  fi
  lines=$(new_policy "$file")
  [[ -z $lines ]] || change "${lines//$'\n'/" on $1"$'\n'} on $1" put_policy "$file"
}

# new_policy FILE writes the policy to put in place, and prints how it differs.
new_policy() { "$python" "$tables/policy.py" "$1.json" "$1.wanted" "$(ours)" "$1.new"; }

# put_policy FILE puts it in place. The policy's etag makes that fail if somebody
# else changed it meanwhile: then it is read and made anew.
put_policy() {
  local try
  for ((try = 1; ; try++)); do
    if gcloud "${command[@]/#VERB/set-iam-policy}" "$1.new" 2>"$1.err"; then return; fi
    if ((try == 5)) || ! grep -qE 'concurrent policy changes|ABORTED' "$1.err"; then
      cat "$1.err" >&2
      return 1
    fi
    gcloud "${command[@]/#VERB/get-iam-policy}" --format=json >"$1.json" || return
    new_policy "$1" >/dev/null || return
  done
}

# ours is an expression of the members whose roles this deployment may take back:
# its own accounts, also those that destroy has deleted, and the whole world.
ours() { echo "(deleted:)?serviceAccount:ap-[a-z-]+@${project}[.]iam[.]gserviceaccount[.]com([?]uid=[0-9]+)?|allUsers|allAuthenticatedUsers"; }

# policy_of THING sets command: gcloud's, with VERB for what is done to its policy.
policy_of() {
  local name=${1#*:}
  case $1 in
    project) command=(projects VERB "$project") ;;
    account:*) command=(iam service-accounts VERB "$(account "$name")") ;;
    secret:*) command=(secrets VERB "autoprovision-$name") ;;
    queue:*) command=(tasks queues VERB "autoprovision-$name" "--location=$region") ;;
    topic:*) command=(pubsub topics VERB "autoprovision-$name") ;;
    subscription:*) command=(pubsub subscriptions VERB "autoprovision-$name") ;;
    *) fail "roles.txt: nothing called $1 has roles" ;;
  esac
}

# wanted_roles THING prints role|member|condition for each row about it; nothing
# when all is taken away.
wanted_roles() {
  local who role on condition
  [[ -z $destroying ]] || return 0
  while read -r who role on; do
    condition=''
    if [[ $on == database ]]; then on=project condition="resource.name==\"projects/$project/databases/$database\""; fi
    [[ $on == "$1" ]] || continue
    case $who in
      agent:pubsub) who="service-$project_number@gcp-sa-pubsub" ;;
      *) who="$who@$project" ;;
    esac
    if grep -q "^$role " "$work/table.customroles"; then role="projects/$project/roles/$role"; else role="roles/$role"; fi
    echo "$role|serviceAccount:$who.iam.gserviceaccount.com|$condition"
  done <"$work/table.roles"
}

# exists THING says whether it was there when the lists were read.
exists() {
  local name=${1#*:}
  case $1 in
    account:*) there accounts "$(account "$name")" ;;
    project) true ;;
    *) there "${1%%:*}s" "autoprovision-$name" ;;
  esac
}
