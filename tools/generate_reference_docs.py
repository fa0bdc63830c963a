"""Write the parts of `docs/` that are made from code and policy, so that they cannot fall behind.

Each section stands between two comments of its page. Run it after policy, an interface or the
laboratory has changed; `--check` only says whether all but the slow sections are as they must be.
Exit code 0 when they are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from bounds_sections import gap_section
from command_sections import (
    cli_section,
    coverage_section,
    failure_section,
    golden_section,
    mutate_section,
    report_section,
    validate_section,
)
from docs_markdown import DOCS, ROOT
from ledger_sections import log_section, record_section
from policy_sections import (
    actions_section,
    assumed_section,
    documents_section,
    guards_section,
    invariants_section,
    overlay_section,
)
from simulated_sections import (
    calibration_off,
    calibration_plot,
    calibration_rest,
    calibration_rows,
    floor_picture,
    quick_eval_section,
    theory_plot,
    theory_section,
    timeline_picture,
    verify_section,
)
from vocabulary_tables import emits_section, fields_section, reason_codes_section

REGENERATE: Final = "run: python tools/generate_reference_docs.py"

Sections = Mapping[tuple[str, str], Callable[[], str]]

SECTIONS: Final[Sections] = {
    ("explanation/calibration.md", "assumed"): assumed_section,
    ("explanation/differences-from-upstream.md", "overlay"): overlay_section,
    ("explanation/laboratory.md", "actions"): actions_section,
    ("explanation/laboratory.md", "guards"): guards_section,
    ("explanation/laboratory.md", "invariants"): invariants_section,
    ("explanation/trust.md", "record"): record_section,
    ("reference/cli.md", "commands"): cli_section,
    ("reference/golden.md", "golden"): golden_section,
    ("reference/golden.md", "report"): report_section,
    ("reference/golden.md", "failure"): failure_section,
    ("reference/golden.md", "coverage"): coverage_section,
    ("reference/golden.md", "mutate"): mutate_section,
    ("reference/ledger.md", "log"): log_section,
    ("reference/policy.md", "documents"): documents_section,
    ("reference/policy.md", "validate"): validate_section,
    ("reference/reason-codes.md", "codes"): reason_codes_section,
    ("reference/vocabulary.md", "emits"): emits_section,
    ("reference/vocabulary.md", "fields"): fields_section,
}
"""Page and section to the function that makes the section."""

SLOW_SECTIONS: Final[Sections] = {
    ("explanation/bounds.md", "weighted"): partial(gap_section, "weighted"),
    ("explanation/bounds.md", "makespan"): partial(gap_section, "makespan"),
    ("explanation/calibration.md", "fitted"): partial(calibration_rows, "fitted"),
    ("explanation/calibration.md", "held-out"): partial(calibration_rows, "held-out"),
    ("explanation/calibration.md", "off"): calibration_off,
    ("explanation/calibration.md", "rest"): calibration_rest,
    ("explanation/theory.md", "theory"): theory_section,
    ("tutorials/first-run.md", "quick-eval"): quick_eval_section,
    ("tutorials/first-run.md", "verify"): verify_section,
}
"""The same for what takes some seconds; `--check` leaves them out."""

ASSETS: Final[Mapping[str, Callable[[], str]]] = {
    "theory.svg": theory_plot,
    **{
        name: partial(calibration_plot, name)
        for name in (
            "calibration-rows.svg",
            "calibration-turnaround.svg",
            "calibration-arrivals.svg",
        )
    },
    "floor.svg": floor_picture,
    "timeline.svg": timeline_picture,
}
"""Picture below docs/assets to the function that draws it; `--check` leaves them out too."""


def replaced(text: str, name: str, section: str) -> str:
    """Return a page with one section replaced.

    Raises:
        ValueError: The page does not hold the section's two comments, once and in order.
    """
    first, last = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
    if text.count(first) != 1 or text.count(last) != 1 or text.index(first) > text.index(last):
        raise ValueError(f"expected {first} and {last}, once and in order")
    before, after = text.partition(first)[0], text.partition(last)[2]
    return f"{before}{first}\n\n{section}\n\n{last}{after}"


def wanted_pages(sections: Sections = SECTIONS) -> dict[Path, str]:
    """Return every page that holds one of ``sections``, as it must be."""
    pages: dict[Path, str] = {}
    for (name, section), make in sections.items():
        page = DOCS / name
        text = pages.get(page) or page.read_text(encoding="utf-8")
        pages[page] = replaced(text, section, make())
    return pages


def differences() -> list[str]:
    """Return one line for each page that is outdated."""
    return [
        f"{page.relative_to(ROOT).as_posix()}: not as generated; {REGENERATE}"
        for page, text in wanted_pages().items()
        if page.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Run the tool.

    Args:
        arguments: Nothing, or `--check`.
    """
    os.environ.pop("LABTRUST_POLICY_DIR", None)  # the pages show the shipped policy
    if arguments != ["--check"]:
        for page, text in wanted_pages({**SECTIONS, **SLOW_SECTIONS}).items():
            page.write_text(text, encoding="utf-8")
        for name, draw in ASSETS.items():
            (DOCS / "assets" / name).write_text(draw(), encoding="utf-8")
    found = differences()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
