"""The pages under docs/ tell what is: generated parts, tutorials, and names of codes and tests."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml
from labtrust_core.engine.actions import ENGINE_REASON_CODES
from labtrust_core.engine.gates import AGENT_GATES
from labtrust_core.golden.reader import read_suite
from labtrust_core.ledger.verify import LogCode

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
NAMED_TEST = re.compile(r"`(test_\w+)`")
NAMED_SCENARIO = re.compile(r"`(LT-[A-Z]+-\d+)`")


def script(name):
    """Return a script of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text_of(page):
    return (DOCS / page).read_text(encoding="utf-8")


def pages():
    return sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


def navigation(items):
    """Return the pages that a part of the navigation lists."""
    for item in items:
        for entry in item.values():
            yield from [entry] if isinstance(entry, str) else navigation(entry)


@pytest.fixture
def shipped_policy(monkeypatch):
    monkeypatch.delenv("LABTRUST_POLICY_DIR", raising=False)


@pytest.mark.usefixtures("shipped_policy")
def test_generated_sections_are_current():
    assert script("generate_reference_docs").differences() == []


@pytest.mark.slow
@pytest.mark.timeout(1_800)  # all cases of theory, and twenty days of the default site
@pytest.mark.usefixtures("shipped_policy")
def test_the_shown_evaluation_is_current():
    tool = script("generate_reference_docs")
    for page, text in tool.wanted_pages(tool.SLOW_SECTIONS).items():
        assert page.read_text(encoding="utf-8") == text
    for name, draw in tool.ASSETS.items():
        assert text_of(f"assets/{name}") == draw()


def test_a_page_without_the_comments_of_its_section_is_an_error():
    replaced = script("generate_reference_docs").replaced
    with pytest.raises(ValueError, match="generated: x"):
        replaced("<!-- end of x --> <!-- generated: x -->", "x", "")


@pytest.mark.usefixtures("shipped_policy")
@pytest.mark.parametrize("page", sorted((DOCS / "tutorials").glob("*.md")), ids=lambda p: p.stem)
def test_a_tutorial_runs_and_shows_what_it_prints(page):
    assert script("run_tutorials").with_true_output(page) == page.read_text(encoding="utf-8")


def test_a_false_output_is_put_right(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n")
    assert script("run_tutorials").with_true_output(page).endswith("```text\n2\n```\n")


def test_scenarios_that_the_pages_name_exist():
    known = {item.scenario_id for item in read_suite(ROOT / "policy" / "golden").scenarios}
    named = {name for page in pages() for name in NAMED_SCENARIO.findall(text_of(page))}
    assert named
    assert named <= known


def test_tests_that_the_pages_name_exist():
    files = (ROOT / "packages").glob("*/tests/test_*.py")
    known = {
        name
        for file in files
        for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    }
    named = {name for page in pages() for name in NAMED_TEST.findall(text_of(page))}
    assert named
    assert named <= known


def test_the_gates_are_documented_in_their_order():
    rows = re.findall(r"^\| `(\w+)` \| [^|]*\?", text_of("explanation/engine.md"), re.MULTILINE)
    assert rows == [gate.__name__ for gate in AGENT_GATES]


def test_every_code_of_the_engine_is_explained():
    text = text_of("explanation/engine.md") + text_of("explanation/trust.md")
    explained = set(re.findall(r"`([A-Z]+[A-Z_-]*[A-Z0-9_-]*)`", text))
    assert explained >= ENGINE_REASON_CODES


def test_every_code_of_log_verification_is_explained():
    assert {str(code) for code in LogCode} <= set(
        re.findall(r"`(LOG_\w+)`", text_of("explanation/trust.md"))
    )


def test_the_navigation_lists_every_page_once():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(navigation(settings["nav"])) == pages()
