# shellcheck shell=bash
# What only a person can do, said exactly, and looked at where it can be.

# What a super administrator authorises; as in shared/directory/workspace.
directory_scopes() {
  local name
  for name in user group group.member orgunit domain userschema; do
    echo "https://www.googleapis.com/auth/admin.directory.$name.readonly"
  done
}

# check says what is ready and what is not, and ends with 1 when anything is not.
check() {
  local failed=0
  need_tools
  good 'tools; JSON is read with the Python that gcloud brings'
  read_services
  read_project
  good "project $project, number $project_number"
  beside have accounts iam iam service-accounts list --format='value(email,displayName,uniqueId)'
  beside have functions cloudfunctions functions list --v2 --regions="$region" --format='value(name.basename(),state)'
  settle
  check_services || failed=1
  check_functions || failed=1
  check_delegation || failed=1
  check_sign_in || failed=1
  check_audit_log
  # What is missing above would be among the changes, one by one.
  if ((failed == 0)); then
    plan_aside &
    check_plan "$!" || failed=1
  fi
  return "$failed"
}

# plan_aside plans in a folder of its own, in a process where set -e is not ignored.
plan_aside() {
  verb=plan work=$work/plan
  mkdir "$work"
  : >"$work/changes"
  read_tables
  build >"$work/said" 2>&1 3>/dev/null
}

# check_plan PROCESS says whether all is as apply would make it, when that has ended.
check_plan() {
  local n
  if ! wait "$1"; then
    cat "$work/plan/said" >&2
    bad 'whether all is as it should be: ./deploy.sh plan fails' || return
  fi
  n=$(wc -l <"$work/plan/changes")
  if ((n > 0)); then bad "$((n)) changes to make, or to put right: ./deploy.sh plan lists them"; else good 'all is as ./deploy.sh apply would make it'; fi
}

good() { printf 'ok       %s\n' "$1"; }
bad() {
  printf 'NOT YET  %s\n' "$1"
  return 1
}

# need_tools fails before anything is changed that a tool is missing for.
need_tools() {
  local tool missing=()
  for tool in gcloud curl sha256sum; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  ((${#missing[@]} == 0)) || fail "install ${missing[*]}; Cloud Shell has all that is needed"
  gcloud alpha monitoring policies list --help >/dev/null 2>&1 ||
    fail 'gcloud lacks its alpha and beta commands: gcloud components install alpha beta'
}

check_services() {
  local missing
  missing=$(grep -vxF -f "$work/have.services" "$work/table.services" || true)
  if [[ -n $missing ]]; then bad "APIs are off: ${missing//$'\n'/, }: ./deploy.sh apply"; else good 'all APIs are on'; fi
}

check_functions() {
  local name rest missing=()
  while read -r name rest; do
    [[ $(field functions "autoprovision-$name" 2) == ACTIVE ]] || missing+=("$name")
  done <"$work/table.functions"
  if ((${#missing[@]} > 0)); then bad "functions are not deployed: ${missing[*]}: ./deploy.sh apply"; else good 'all functions are deployed'; fi
}

# check_delegation does what the functions do: it signs as the directory account
# for the administrator, and reads one of each kind that a sweep reads.
check_delegation() {
  local client token refused
  client=$(field accounts "$(account ap-directory)" 3)
  [[ -n $client ]] || bad 'the account that reads the directory: ./deploy.sh apply makes it' || return
  if ! token=$(delegated_token); then
    delegation_steps "$client"
    return 1
  fi
  refused=$(unreadable "$token")
  [[ -z $refused ]] ||
    bad "the delegation works, but $directory_subject may not read $refused: give it a role that reads users, groups, org units, domains and schemas" || return
  check_signers || return
  good "domain-wide delegation: the directory can be read as $directory_subject"
}

# check_signers names the functions' accounts that may not sign as the directory
# account, which whoever runs check may.
check_signers() {
  local missing
  gcloud iam service-accounts get-iam-policy "$(account ap-directory)" --flatten='bindings[].members' \
    --format='value[separator="|"](bindings.role,bindings.members)' >"$work/signers" ||
    bad "the delegation works; which functions may use it you may not read" || return
  missing=$(wanted_roles account:ap-directory | cut -d '|' -f 1,2 | grep -vxF -f "$work/signers" | sed 's/.*:\(.*\)@.*/\1/' | paste -sd ' ' || true)
  [[ -z $missing ]] ||
    bad "the delegation works, but not for $missing, which may not sign as $(account ap-directory): ./deploy.sh apply"
}

# unreadable TOKEN prints what cannot be read with the token, and how the
# directory answers. Whether members can is asked of the first group, if there is one.
unreadable() {
  local what path answer group='' separator=''
  while IFS=$'\t' read -r what path; do
    [[ $path != *GROUP* || -n $group ]] || continue
    answer=$(printf 'header = "Authorization: Bearer %s"\n' "$1" | curl --silent --show-error --config - --write-out '\n%{http_code}' \
      "$directory_address/admin/directory/v1/${path/GROUP/$group}") || true
    if [[ ${answer##*$'\n'} != 200 ]]; then
      printf '%s%s (HTTP %s)' "$separator" "$what" "${answer##*$'\n'}"
      separator=', '
    elif [[ $path == groups\?* && $answer =~ \"id\"\ *:\ *\"([A-Za-z0-9]+)\" ]]; then
      group=${BASH_REMATCH[1]}
    fi
  done < <(
    line users 'users?customer=my_customer&maxResults=1&fields=users/id'
    line groups 'groups?customer=my_customer&maxResults=1&fields=groups/id'
    line 'members of groups' 'groups/GROUP/members?maxResults=1&fields=members/id'
    line 'org units' 'customer/my_customer/orgunits?type=all&fields=organizationUnits/orgUnitId'
    line domains 'customer/my_customer/domains?fields=domains/isPrimary'
    line 'custom attributes' 'customer/my_customer/schemas?fields=schemas/schemaId'
  )
}

# delegated_token prints an access token, or says on standard error why there is none.
delegated_token() {
  local now scopes assertion answer
  now=$(date +%s)
  scopes=$(directory_scopes | tr '\n' ' ')
  printf '{"iss":"%s","sub":"%s","scope":"%s","aud":"https://oauth2.googleapis.com/token","iat":%d,"exp":%d}' \
    "$(account ap-directory)" "$directory_subject" "${scopes% }" "$now" $((now + 600)) >"$work/claims"
  assertion=$(again gcloud iam service-accounts sign-jwt "$work/claims" - --iam-account="$(account ap-directory)" 2>"$work/sign.err") || {
    bad "whether the delegation works cannot be tried as you, who may not sign as the directory account. Google says:
$(sed 's/^/           /' "$work/sign.err")
         Give yourself the right, which the role of an owner may lack; wait a few minutes, and check again:
           gcloud iam service-accounts add-iam-policy-binding $(account ap-directory) --project=$project --member=user:YOU --role=roles/iam.serviceAccountTokenCreator
         Then take it away: the same with remove-iam-policy-binding." >&2
    return 1
  }
  answer=$(printf %s "$assertion" | curl --silent --show-error --data-urlencode 'grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer' \
    --data-urlencode assertion@- "$token_address") || true
  [[ $answer =~ \"access_token\"\ *:\ *\"([^\"]+)\" ]] || {
    [[ $answer =~ \"error\"\ *:\ *\"([^\"]+)\" ]] || true
    bad "domain-wide delegation: Google answers ${BASH_REMATCH[1]:-nothing}$(refusal "${BASH_REMATCH[1]:-}")" >&2
    return 1
  }
  echo "${BASH_REMATCH[1]}"
}

# refusal ERROR prints what an answer to a signed claim means, where that is known
# (developers.google.com/identity/protocols/oauth2/service-account#error-codes).
refusal() {
  case $1 in
    invalid_grant) printf ': is %s, the DIRECTORY_SUBJECT, the address of an active user?' "$directory_subject" ;;
    unauthorized_client) printf ': the client id is not authorised for all of these scopes; if it was a moment ago, wait some minutes and check again' ;;
  esac
}

delegation_steps() {
  local scopes
  scopes=$(directory_scopes | paste -sd, -)
  cat <<EOF
         As a super administrator, at https://admin.google.com/ac/owl/domainwidedelegation, choose Add new, and enter
           Client ID:     $1
           OAuth scopes:  $scopes
         They only read. $directory_subject must be an administrator who may read users, groups, org units, domains and schemas.
EOF
}

check_sign_in() {
  local versions
  if ! versions=$(gcloud secrets versions list autoprovision-oauth-client --filter=state=ENABLED --format='value(name)' 2>/dev/null) || [[ -z $versions ]]; then
    bad 'signing in to the console' || sign_in_steps
    return 1
  fi
  good "signing in: $(url console)"
}

sign_in_steps() {
  cat <<EOF
         At https://console.cloud.google.com/auth/clients?project=$project, create a client of the type Web application
         (if it says Get started first: any app name, your address twice, the audience Internal), and enter
           Authorized redirect URI:  $(url console)/sign-in/callback
         Download it as JSON, in Cloud Shell upload it there, store that file, which holds its secret, and delete it:
           gcloud secrets versions add autoprovision-oauth-client --project=$project --data-file=FILE && rm FILE
         A minute later super administrators can sign in.
EOF
}

# check_audit_log is about something that makes changes of groups be seen at once;
# without it the sweep sees them.
check_audit_log() {
  if [[ -z $organization ]]; then
    bad 'changes of groups and org units are seen by sweeps only: name the ORGANIZATION, and apply' || return 0
  fi
  read_sink
  if [[ -n $sink_refused ]]; then
    printf "UNKNOWN  whether the organization's audit log is routed, since you may not see its sinks; if somebody has done this, all is well\n"
    sink_steps
  elif ! there sinks "$sink"; then
    bad "the organization's audit log is not routed: ./deploy.sh apply" || true
  else
    good "the organization's audit log is routed"
    sharing_steps
  fi
}

# sharing_steps is what nobody but a person can look at.
sharing_steps() {
  cat <<EOF
UNKNOWN  whether the Admin console shares its log: as a super administrator, at https://admin.google.com, open Account, Account settings,
         Legal and compliance, Sharing options, and turn it on
EOF
}

sink_steps() {
  cat <<EOF
         An administrator of the organization (roles/logging.configWriter) makes the sink, and gives its identity to you:
           gcloud logging sinks ${sink_refused:-create} $sink $(sink_topic) --organization=$organization \\
             --log-filter='$(sink_filter)'
           gcloud logging sinks describe $sink --organization=$organization --format='value(writerIdentity)'
         You let it publish:
           gcloud pubsub topics add-iam-policy-binding autoprovision-audit --project=$project --role=roles/pubsub.publisher --member=IDENTITY
EOF
}

# manual_steps is the end of apply.
manual_steps() {
  have accounts iam iam service-accounts list --format='value(email,displayName,uniqueId)'
  echo
  echo 'What follows is yours; ./deploy.sh check looks whether it is done.'
  echo '1. Let the program read the directory'
  delegation_steps "$(field accounts "$(account ap-directory)" 3)"
  echo '2. Let administrators sign in'
  sign_in_steps
  if [[ -n $organization ]]; then
    echo '3. Let changes of groups and org units be seen at once: the Admin console has to share its log'
    sharing_steps
  fi
  ask_for_sink
  printf '\nThe console: %s\n' "$(url console)"
}

# ask_for_sink is what somebody else has to do for whoever may not.
ask_for_sink() {
  [[ -n $sink_refused ]] || return 0
  echo 'Whether the audit log of your organization is routed here you may not see or change. Until it is, changes of groups are seen by sweeps only.'
  sink_steps
}
