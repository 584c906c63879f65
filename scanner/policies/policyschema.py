"""The JSON Schema of a policy file, generated from its types. ``python -m scanner.policies.policyschema`` prints it."""

from __future__ import annotations

from typing import Any

import msgspec

from scanner.policies.policyfile import SCOPES, WANTED, WHAT, PolicyFile


def policy_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a policy, as editors and validators use it; `parse_policy` explains more."""
    schema: dict[str, Any] = msgspec.json.schema(PolicyFile)
    for definition in schema["$defs"].values():
        properties = definition["properties"]
        for key, value in properties.items():
            value.pop("default", None)
            listed = {"anyOf": [value["items"], value]} if key in SCOPES else value
            properties[key] = {"description": WANTED[key], **listed}
    entry = schema["$defs"]["AllowanceEntry"]
    entry["anyOf"] = [{"required": [scope]} for scope in WHAT]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "app-scanner policy, schema 1",
        **schema,
    }


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n")
