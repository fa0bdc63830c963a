"""What the pages say of evidence is what the battery of forgeries shows."""

import re
from pathlib import Path

import pytest

pytest.importorskip("labtrust_export")

from labtrust_export.testing.accepted import ACCEPTED
from labtrust_export.testing.battery import classes
from labtrust_export.testing.holes import KNOWN_HOLES, RELEASE_HOLES
from labtrust_export.verify.codes import CODES

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROW = re.compile(r"^\| ([SBR]\d\d) \| .* \| (.*) \|$", re.MULTILINE)
CODE = re.compile(r"`([A-Z_]+)`")


@pytest.fixture(scope="module")
def rows():
    page = (DOCS / "explanation" / "differences-from-upstream.md").read_text(encoding="utf-8")
    return {hole: CODE.findall(codes) for hole, codes in ROW.findall(page)}


def test_every_forgery_that_is_accepted_on_purpose_is_on_the_page():
    page = (DOCS / "explanation" / "evidence.md").read_text(encoding="utf-8")
    section = page.partition("## What passes, on purpose")[2].partition("\n## ")[0]

    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == [
        entry.name for entry in ACCEPTED
    ]


def test_every_known_hole_has_its_row(rows):
    assert list(rows) == [*KNOWN_HOLES, *RELEASE_HOLES]


@pytest.mark.slow  # every forgery is made
def test_the_codes_of_a_row_are_those_of_its_forgeries(rows):
    said: dict[str, set[str]] = {hole: set() for hole in KNOWN_HOLES}
    for kind in classes():
        for hole in said.keys() & set(kind.holes):
            said[hole].update(*(forgery.codes for forgery in kind.forgeries()))

    for hole, found in said.items():
        assert rows[hole], hole
        assert set(rows[hole]) <= found, hole


def test_every_code_of_a_verification_is_on_the_page_of_the_format():
    page = (DOCS / "reference" / "evidence.md").read_text(encoding="utf-8")
    ledger = (DOCS / "reference" / "ledger.md").read_text(encoding="utf-8")
    short = {"RUN_CHECKPOINT_SHAPE", "RUN_CHECKPOINT_ORIGIN", "RUN_CHECKPOINT_SIZE"}
    short |= {"RUN_CHECKPOINT_ROOT"}  # `…_SHAPE` and so on

    missing = {str(code) for code in CODES} - set(CODE.findall(page + ledger)) - short

    assert missing == set()
