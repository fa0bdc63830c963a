"""Where the pages are, and the Markdown that their generators write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = ROOT / "docs"
POLICY: Final = ROOT / "policy"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; a bar in a cell is escaped."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([*row] for row in rows)]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def code(items: Iterable[str]) -> str:
    """Return names as inline code, separated by commas; a hyphen for none."""
    return ", ".join(f"`{item}`" for item in items) or "-"


def one_line(text: str) -> str:
    """Return a text with every run of white space as one blank."""
    return " ".join(text.split())
