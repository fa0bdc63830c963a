"""JSON Schemas (2020-12, closed) of the policy documents, derived from their types.

The type is the source: a schema is generated from it, shipped below ``policy/schemas/`` for editors
and partners, and used here to say exactly where and why a document does not fit. A test holds the
shipped files equal to the generated ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema
import msgspec

from labtrust_core.policy.documents import DocumentPath
from labtrust_core.policy.model import Document

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Misfit:
    """One place where a document does not have its type's shape."""

    path: DocumentPath
    message: str
    found: str
    expected: str


@cache
def schema_of(kind: type[Document]) -> dict[str, Any]:
    """Return the JSON Schema of a document type."""
    return {"$schema": _DIALECT, **msgspec.json.schema(kind)}


def misfits(data: object, kind: type[Document]) -> list[Misfit]:
    """Return every place where ``data`` does not have the shape of ``kind``, in document order."""
    validator = jsonschema.Draft202012Validator(schema_of(kind))
    found = [misfit for error in validator.iter_errors(data) for misfit in _leaves(error)]
    return sorted(found, key=lambda misfit: [str(part) for part in misfit.path])


def _leaves(error: jsonschema.ValidationError) -> list[Misfit]:
    """Return the innermost causes; of an optional value (``anyOf``), the branch not null."""
    if error.context:
        inner = [
            cause
            for cause in error.context
            if cause.validator != "type" or cause.validator_value != "null"
        ]
        if inner:
            return [misfit for cause in inner for misfit in _leaves(cause)]
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        return [
            Misfit((*path, key), "unknown key", key, "one of " + ", ".join(sorted(known)))
            for key in error.instance
            if key not in known
        ]
    if error.validator == "required" and isinstance(error.instance, dict):
        missing = [key for key in _listed(error) if key not in error.instance]
        return [Misfit(path, "missing key", "nothing", ", ".join(missing))]
    return [Misfit(path, "wrong value", _shown(error.instance), _expected(error))]


def _listed(error: jsonschema.ValidationError) -> list[str]:
    """Return the value of a keyword that holds a list."""
    value = error.validator_value
    return [str(item) for item in value] if isinstance(value, list) else []


def _expected(error: jsonschema.ValidationError) -> str:
    if error.validator == "enum":
        return "one of " + ", ".join(_listed(error))
    return f"{error.validator} {error.validator_value}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - a line's worth
