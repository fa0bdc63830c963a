"""Write what labtrust-export ships and can be derived: its FHIR value set, the viewer's schemas.

The value set holds every code that an export may hold: it follows from the tables of codes and from
the names that the shipped policy defines. Run it after either has changed; `--check` only says
whether the files are as they must be. Exit code 0 when they are.
"""

import json
import sys
from pathlib import Path

import labtrust_export
from labtrust_core.domains import open_documents
from labtrust_core.policy.snapshot import read_snapshot
from labtrust_export.fhir.catalogue import Catalogue
from labtrust_export.fhir.codes import shipped_codes, value_set_of
from labtrust_export.ui.schemas import schema_files

PACKAGE = Path(labtrust_export.__file__).parent


def files() -> dict[Path, str]:
    """Return each file and its text."""
    documents = read_snapshot(open_documents().documents.snapshot)
    sets = value_set_of(shipped_codes(), Catalogue(documents).known)
    value_set = json.dumps({"version": "0.1", "value_sets": sets}, indent=1, ensure_ascii=False)
    schemas = {PACKAGE / "ui" / "schemas" / name: text for name, text in schema_files().items()}
    return {PACKAGE / "fhir" / "value_set.v0.1.json": f"{value_set}\n", **schemas}


def main(arguments: list[str]) -> int:
    """Run the tool.

    Args:
        arguments: Nothing, or `--check`.
    """
    stale = 0
    for path, text in files().items():
        if arguments != ["--check"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale = 1
            print(f"{path.name}: not as generated")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
