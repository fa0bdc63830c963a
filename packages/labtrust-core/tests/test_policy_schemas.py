"""The shipped JSON Schemas are those of the types, and say where a document does not fit."""

import json

import jsonschema
import pytest
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.documents import read_document
from labtrust_core.policy.model import TRUST_DOCUMENTS, Rbac, Tokens
from labtrust_core.policy.schemas import misfits
from labtrust_core.schema_files import schema_files


def test_shipped_schemas_are_the_generated_ones():
    folder = find_policy_dir() / "schemas"
    shipped = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}

    assert shipped == schema_files()


@pytest.mark.parametrize("name", sorted(schema_files()))
def test_schema_is_one(name):
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_files()[name]))


@pytest.mark.parametrize("kind", TRUST_DOCUMENTS, ids=[kind.name for kind in TRUST_DOCUMENTS])
def test_shipped_document_fits_its_schema(kind):
    schema = json.loads(schema_files()[f"{kind.name}.v0.1.schema.json"])

    jsonschema.validate(read_document(find_policy_dir() / kind.path).data, schema)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (Rbac, {}, [((), "missing key"), ((), "missing key"), ((), "missing key")]),
        (Rbac, {"version": "0.1", "roles": {}, "agents": {}, "x": 1}, [(("x",), "unknown key")]),
        (
            Rbac,
            {"version": "0.1", "roles": {"R": {"actions": [1]}}, "agents": {}},
            [(("roles", "R", "actions", 0), "wrong value")],
        ),
        (
            Rbac,
            {"version": "0.1", "roles": {"R": {"actions": [], "zones": [1]}}, "agents": {}},
            [(("roles", "R", "zones", 0), "wrong value")],
        ),
        (
            Tokens,
            {"version": 1, "types": []},
            [(("types",), "wrong value"), (("version",), "wrong value")],
        ),
    ],
)
def test_every_misfit_is_found_at_its_place(kind, data, expected):
    found = [(item.path, item.message) for item in misfits(data, kind)]

    assert sorted(set(found), key=str) == sorted(set(expected), key=str)
