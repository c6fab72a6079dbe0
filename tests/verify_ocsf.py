#!/usr/bin/env python3
"""Holds events of OCSF, one a line on standard input, against the published schema of their class.

Needs the packages ocsf-json-schema, which has the schemas inside, and jsonschema.
"""
import json
import sys

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

schemas, validators, count = {}, {}, 0
for line in sys.stdin:
    event = json.loads(line)
    version, uid = event["metadata"]["version"], event["class_uid"]
    if version not in schemas:
        schemas[version] = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
    if uid not in validators:
        name = schemas[version].lookup_class_name_from_uid(uid)
        schema = schemas[version].get_class_schema(name)
        validators[uid] = jsonschema.Draft202012Validator(schema)
    errors = [f"{list(error.path)}: {error.message}" for error in validators[uid].iter_errors(event)]
    if errors:
        print(f"event {count} is not one of class {uid}: {errors[0]}")
        sys.exit(1)
    count += 1
print(f"ok {count} events")
