"""The JSON Schemas below ``policy/schemas/``: of every file that people write, and the report."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

import msgspec

from labtrust_core.golden.format import SuiteFile, TestKeys
from labtrust_core.golden.report import SuiteReport
from labtrust_core.hospital_lab.documents.kinds import LAB_DOCUMENTS
from labtrust_core.policy.model import TRUST_DOCUMENTS, LabProfile

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@cache
def schema_files() -> dict[str, str]:
    """Return file name to file text, sorted by name."""
    types: dict[str, type[msgspec.Struct]] = {
        **{kind.name: kind.type for kind in (*TRUST_DOCUMENTS, *LAB_DOCUMENTS)},
        "golden_scenarios": SuiteFile,
        "test_keys": TestKeys,
        "lab_profile": LabProfile,
        "runner_output_contract": SuiteReport,
    }
    return {f"{name}.v0.1.schema.json": _text(types[name]) for name in sorted(types)}


def _text(kind: type[msgspec.Struct]) -> str:
    schema: dict[str, Any] = {"$schema": DIALECT, **msgspec.json.schema(kind)}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
