"""Write the value set that labtrust-export ships: every code that an export may hold.

    python tools/generate_fhir_value_set.py

It follows from the tables of codes and from the names that the shipped policy defines.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import labtrust_export.fhir
from labtrust_core.domains import open_documents
from labtrust_core.policy.snapshot import read_snapshot
from labtrust_export.fhir.catalogue import Catalogue
from labtrust_export.fhir.codes import shipped_codes, value_set_of

FILE: Final = Path(labtrust_export.fhir.__file__).with_name("value_set.v0.1.json")


def main() -> int:
    """Write the file."""
    documents = read_snapshot(open_documents().documents.snapshot)
    sets = value_set_of(shipped_codes(), Catalogue(documents).known)
    text = json.dumps({"version": "0.1", "value_sets": sets}, indent=1, ensure_ascii=False)
    FILE.write_text(f"{text}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
