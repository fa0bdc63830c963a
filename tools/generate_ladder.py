"""Play the whole ladder and write its table and picture into `docs/`: some twenty minutes."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from labtrust_bench.ladder import LadderConfig, climb
from labtrust_bench.ladder.plot import ladder_svg
from labtrust_bench.ladder.tables import as_markdown

_DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = _DOCS / "explanation" / "ladder.md"
PICTURE = _DOCS / "assets" / "ladder.svg"
_TABLE = re.compile(r"(<!-- ladder: table -->\n).*(<!-- /ladder: table -->)", re.DOTALL)


def with_table(page: str, table: str) -> str:
    """Return the page with another table.

    Raises:
        ValueError: The page has no place for it.
    """
    if not _TABLE.search(page):
        raise ValueError("the page has no ladder between its two comments")
    return _TABLE.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", page)


def main() -> int:
    """Play, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    stated = parser.parse_args()
    config = LadderConfig(seeds=stated.seeds)
    ladder = climb(config, stated.workers, lambda _episodes: print(".", end="", file=sys.stderr))
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_table(page, as_markdown(ladder)), encoding="utf-8")
    PICTURE.write_text(ladder_svg(ladder), encoding="utf-8")
    return 0 if ladder.holds else 1


if __name__ == "__main__":
    sys.exit(main())
