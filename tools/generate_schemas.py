"""Write `policy/schemas/`: JSON Schemas of policy documents, suites and reports, from their types.

Run it after a type has changed; `--check` only says whether the files are as they must be. Exit
code 0 when they are.
"""

import sys
from pathlib import Path

from labtrust_core.schema_files import schema_files

FOLDER = Path(__file__).resolve().parent.parent / "policy" / "schemas"


def differences() -> list[str]:
    """Return one line for each schema file that is missing, outdated or not ours."""
    wanted = schema_files()
    present = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*")}
    return [
        *(f"{name}: missing" for name in wanted if name not in present),
        *(
            f"{name}: not as generated"
            for name in wanted
            if present.get(name, wanted[name]) != wanted[name]
        ),
        *(f"{name}: belongs to no type" for name in sorted(present) if name not in wanted),
    ]


def write() -> None:
    """Write every schema file, and remove what belongs to no type."""
    FOLDER.mkdir(exist_ok=True)
    wanted = schema_files()
    for file in FOLDER.glob("*"):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run the tool.

    Args:
        arguments: Nothing, or `--check`.
    """
    if arguments != ["--check"]:
        write()
    found = differences()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
