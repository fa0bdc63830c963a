"""The JSON Schemas of the zip's files, made from their types."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from labtrust_export.ui.model import TYPES, VERSION

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_files() -> dict[str, str]:
    """Return name and text of each schema file."""
    files: dict[str, str] = {}
    for name, kind in TYPES.items():
        schema: dict[str, Any] = {"$schema": _DIALECT, **msgspec.json.schema(kind)}
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        files[f"ui_{name.removesuffix('.json')}.v{VERSION}.schema.json"] = text
    return files
