"""Compares a policy with the roles that are wanted, for deploy.sh.

policy.py POLICY WANTED OURS NEW reads a policy as gcloud prints it, and lines
role|member|condition. It prints a line for each difference, and writes the
policy to put in place. Members that the expression OURS does not match keep
what they have.
"""

import json
import re
import sys

policy_file, wanted_file, ours, new_file = sys.argv[1:]
with open(policy_file, encoding="utf-8") as file:
    policy = json.loads(file.read() or "{}")
with open(wanted_file, encoding="utf-8") as file:
    wanted = dict.fromkeys(tuple(line.rstrip("\n").split("|")) for line in file)

bindings = policy.setdefault("bindings", [])
for binding in bindings:
    condition = binding.get("condition", {}).get("expression", "")
    kept = []
    for member in binding.get("members", []):
        row = (binding["role"], member, condition)
        if row in wanted or not re.fullmatch(ours, member):
            wanted.pop(row, None)
            kept.append(member)
        else:
            print(f"no longer let {member} be {binding['role']}")
    binding["members"] = kept
policy["bindings"] = [binding for binding in bindings if binding["members"]]
for role, member, condition in wanted:
    print(f"let {member} be {role}")
    binding = {"role": role, "members": [member]}
    if condition:
        binding["condition"] = {"title": "autoprovision", "expression": condition}
        policy["version"] = 3
    policy["bindings"].append(binding)
with open(new_file, "w", encoding="utf-8") as file:
    json.dump(policy, file)
