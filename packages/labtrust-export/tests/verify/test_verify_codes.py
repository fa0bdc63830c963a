"""The codes are those of the page, in its order, each with a sentence."""

import re
from pathlib import Path

import pytest
from labtrust_core.ledger.verify import LogCode
from labtrust_export.verify.codes import CODES, LEVELS

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "evidence.md"


def page_codes():
    """Yield (level, code) for every code that the page's tables and lists of codes state."""
    text = PAGE.read_text(encoding="utf-8").split("## Order of the checks")[1]
    for level, part in zip(LEVELS, re.split(r"\n### L\d: ", text)[1:], strict=True):
        for line in part.splitlines():
            yield from ((level, code) for code in _codes_of(line, level))


def _codes_of(line, level):
    if line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        cell = cells[-1] if re.fullmatch(r"`RULE_[A-Z]+`", cells[-1]) else cells[0]
    elif level in ("L3", "L4"):
        cell = line
    else:  # in prose, a code is what something is
        cell = " ".join(re.findall(r" is (`RULE_[A-Z_]+`)", line))
    for name in re.findall(r"`([A-Z…][A-Z_…]+)`", cell):
        if name == "LOG_…":
            yield from map(str, LogCode)
        elif name.startswith("…"):
            yield f"RUN_CHECKPOINT{name[1:]}"
        elif "_" in name:
            yield name


@pytest.mark.skipif(not PAGE.is_file(), reason="the page is not part of the distribution")
def test_the_codes_are_those_of_the_page():
    stated = {code: level for level, code in page_codes()}
    assert stated == {code: entry.level for code, entry in CODES.items()}


@pytest.mark.skipif(not PAGE.is_file(), reason="the page is not part of the distribution")
def test_the_codes_stand_in_the_order_of_the_page():
    assert list(dict.fromkeys(code for _, code in page_codes())) == list(CODES)


def test_every_code_has_a_sentence_of_its_own():
    sentences = [entry.meaning for entry in CODES.values()]
    assert all(text.endswith(".") and len(text) > 20 for text in sentences)
    assert len(set(sentences)) == len(sentences)
