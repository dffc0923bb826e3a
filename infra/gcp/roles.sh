# shellcheck shell=bash
# Roles: what roles.txt says, no more and no less, on everything that has a policy.

# member WHO prints a member as policies write it.
member() {
  case $1 in
    everyone) echo allUsers ;;
    agent:pubsub) echo "serviceAccount:service-$project_number@gcp-sa-pubsub.iam.gserviceaccount.com" ;;
    *) echo "serviceAccount:$(account "$1")" ;;
  esac
}

# role NAME prints a role's full name: Google's, or one of ours.
role() {
  if table customroles | grep -q "^$1 "; then echo "projects/$project/roles/$1"; else echo "roles/$1"; fi
}

part_roles() { roles_on project account secret queue topic; }

# roles_on KIND... makes the rows about things of these kinds true.
roles_on() {
  local on
  while read -r on; do
    [[ $on == function:console && -z $oauth_client_id ]] || beside roles_of "$on"
  done < <(things_of "$@")
  settle
}

# things_of KIND... prints the things of these kinds that roles.txt names. The
# database is guarded by the project's policy.
things_of() {
  table roles | awk -v kinds=" $* " '
    { on = $3 == "database" ? "project" : $3; split(on, kind, ":") }
    index(kinds, " " kind[1] " ") && !seen[on]++ { print on }'
}

# roles_of THING compares the rows about it with its policy. Its changes go one
# after another: two at a time make one of them fail.
roles_of() {
  local role who condition command
  policy_of "$1" # sets command
  wanted_roles "$1" | sort >"$work/want.$1"
  current_roles "$1" | sort >"$work/roles.$1"
  while IFS='|' read -r role who condition; do
    change "let ${who#*:} be $role on $1" \
      gcloud "${command[@]/#VERB/add-iam-policy-binding}" --role="$role" --member="$who" "$(condition_flag "$1" "$condition")"
  done < <(comm -13 "$work/roles.$1" "$work/want.$1")
  while IFS='|' read -r role who condition; do
    change "let ${who#*:} no longer be $role on $1" \
      gcloud "${command[@]/#VERB/remove-iam-policy-binding}" --role="$role" --member="$who" "$(condition_flag "$1" "$condition")"
  done < <(comm -23 "$work/roles.$1" "$work/want.$1" | ours)
}

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
    function:*) command=(run services VERB "autoprovision-$name" "--region=$region") ;;
    *) fail "roles.txt: nothing called $1 has roles" ;;
  esac
}

# condition_flag THING CONDITION prints the flag that makes gcloud ask nothing: a
# project's policy may have conditions of others.
condition_flag() {
  if [[ -n $2 ]]; then
    echo "--condition=expression=$2,title=autoprovision"
  elif [[ $1 == project ]]; then
    echo --condition=None
  else
    echo --format=none
  fi
}

# wanted_roles THING prints role|member|condition for each row about it; nothing
# when all is taken away.
wanted_roles() {
  local who name on
  [[ -z $destroying ]] || return 0
  while read -r who name on; do
    case $on in
      "$1") echo "$(role "$name")|$(member "$who")|" ;;
      database) [[ $1 != project ]] || echo "$(role "$name")|$(member "$who")|resource.name==\"projects/$project/databases/$database\"" ;;
    esac
  done < <(table roles)
}

# current_roles THING prints the same of its policy; nothing of what plan has not made.
current_roles() {
  [[ $verb != plan ]] || exists "$1" || return 0
  gcloud "${command[@]/#VERB/get-iam-policy}" --flatten='bindings[].members' \
    --format='value[separator="|"](bindings.role,bindings.members,bindings.condition.expression)'
}

# exists THING says whether it was there when the lists were read.
exists() {
  local name=${1#*:}
  case $1 in
    account:*) [[ -n $(field accounts "$(account "$name")" 1) ]] ;;
    project) true ;;
    *) [[ -n $(field "${1%%:*}s" "autoprovision-$name" 1) ]] ;;
  esac
}

# ours lets the rows through that this deployment may take back: those of its own
# accounts, and the whole world's.
ours() { grep -E "\|(serviceAccount:ap-[a-z-]+@$project\.iam\.gserviceaccount\.com|allUsers|allAuthenticatedUsers)\|" || true; }
