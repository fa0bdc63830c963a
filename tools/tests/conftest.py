"""The scripts of tools/ as modules, and a small workspace to check."""

import importlib.util
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def check_workspace():
    spec = importlib.util.spec_from_file_location("check_workspace", TOOLS / "check_workspace.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_workspace"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def workspace(tmp_path):
    """Two packages that keep every rule but the installed entry points."""
    (tmp_path / "LICENSE").write_text("licence")
    (tmp_path / "hatch.toml").write_text('types = "mypy -p labtrust_core -p labtrust_gym"')
    (tmp_path / ".importlinter").write_text(
        "root_packages =\n    labtrust_core\n    labtrust_gym\n"
    )
    (tmp_path / "requirements-dev.txt").write_text(
        "-e packages/labtrust-core\n-e packages/labtrust-gym\n"
    )
    for name, dependencies in (
        ("labtrust-core", "[]"),
        ("labtrust-gym", '["labtrust-core==0.1.0"]'),
    ):
        folder = tmp_path / "packages" / name
        source = folder / "src" / name.replace("-", "_")
        source.mkdir(parents=True)
        (source / "__init__.py").write_text('__version__ = "0.1.0"\n')
        (folder / "LICENSE").write_text("licence")
        (folder / "CHANGELOG.md").write_text("# Changes\n\n## 0.1.0 - 2026-11-21\n")
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "{name}"\ndependencies = {dependencies}\n'
        )
    return tmp_path
