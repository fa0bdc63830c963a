"""The tables of the environment's page are those of the environment."""

import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parent.parent / "generate_env_docs.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("generate_env_docs", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_as_generated(tool):
    page = tool.PAGE.read_text(encoding="utf-8")
    assert page == tool.filled(page)


def test_the_page_has_every_table_once(tool):
    marked = [found[1] for found in tool.MARKED.findall(tool.PAGE.read_text(encoding="utf-8"))]
    assert sorted(marked) == sorted(tool.TABLES)


def test_an_outdated_page_is_found_and_mended(tool, tmp_path, monkeypatch):
    page = tmp_path / "environment.md"
    page.write_text("<!-- table: size -->\nold\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setattr(tool, "PAGE", page)
    assert tool.main(["--check"]) == 1
    assert tool.main([]) == 0
    assert tool.main(["--check"]) == 0
    assert "| Actions | " in page.read_text(encoding="utf-8")
