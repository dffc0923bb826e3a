"""Prints the rows of firestore.indexes.json for deploy.sh, fields between tabs:

index GROUP FIELDS ORDERS, exempt GROUP FIELD, and ttl GROUP FIELD.
"""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    declared = json.load(file)
for index in declared["indexes"]:
    fields = index["fields"]
    print("index", index["collectionGroup"], ",".join(f["fieldPath"] for f in fields), ",".join(f["order"] for f in fields), sep="\t")
for field in declared["fieldOverrides"]:
    print("exempt", field["collectionGroup"], field["fieldPath"], sep="\t")
    if field.get("ttl"):
        print("ttl", field["collectionGroup"], field["fieldPath"], sep="\t")
