"""The workspace check passes a workspace in order and names each breach."""

import pytest


@pytest.fixture
def breaches(check_workspace, workspace, monkeypatch):
    """What the check says of the small workspace, installed as declared."""
    monkeypatch.setattr(check_workspace, "stale_entry_points", lambda _packages: iter(()))

    def look():
        return check_workspace.breaches(workspace)

    return look


def test_workspace_in_order_has_no_breach(breaches):
    assert breaches() == []


def test_pin_that_is_behind_is_named(breaches, workspace):
    file = workspace / "packages/labtrust-core/src/labtrust_core/__init__.py"
    file.write_text('__version__ = "0.2.0"\n')
    (workspace / "packages/labtrust-core/CHANGELOG.md").write_text("## 0.2.0 - 2027-01-01\n")

    assert breaches() == [
        "labtrust-gym pins labtrust-core==0.1.0; expected labtrust-core==0.2.0",
    ]


def test_changelog_without_the_version_is_named(breaches, workspace):
    (workspace / "packages/labtrust-core/CHANGELOG.md").write_text("## 0.0.9 - 2026-01-01\n")

    assert breaches() == ["labtrust-core: version 0.1.0, newest in CHANGELOG.md 0.0.9"]


def test_other_licence_is_named(breaches, workspace):
    (workspace / "packages/labtrust-core/LICENSE").write_text("other")

    assert breaches() == ["labtrust-core: LICENSE is not a copy of the repository's"]


def test_linked_licence_is_named(breaches, workspace):
    copy = workspace / "packages/labtrust-core/LICENSE"
    copy.unlink()
    copy.symlink_to(workspace / "LICENSE")

    assert breaches() == ["labtrust-core: LICENSE is not a copy of the repository's"]


@pytest.mark.parametrize("file", ["hatch.toml", ".importlinter", "requirements-dev.txt"])
def test_package_that_a_check_leaves_out_is_named(breaches, workspace, file):
    text = (workspace / file).read_text()
    (workspace / file).write_text(
        text.replace("labtrust_gym", "other").replace("labtrust-gym", "other")
    )

    assert breaches() == [f"{file} leaves out labtrust-gym"]


def test_long_source_file_is_named(breaches, workspace):
    file = workspace / "packages/labtrust-core/src/labtrust_core/long.py"
    file.write_text("\n" * 601)

    assert breaches() == [
        "packages/labtrust-core/src/labtrust_core/long.py has 601 lines; at most 600"
    ]


def test_entry_point_that_is_declared_but_not_installed_is_named(check_workspace, tmp_path):
    project = {"scripts": {"labtrust": "labtrust_cli.main:main", "new": "labtrust_cli.new:main"}}
    member = check_workspace.Member(tmp_path / "labtrust-cli", project)

    (breach,) = check_workspace.stale_entry_points([member])

    assert "entry point new = labtrust_cli.new:main" in breach


def test_package_that_is_not_installed_is_named(check_workspace, tmp_path):
    member = check_workspace.Member(tmp_path / "labtrust-wings", {})

    assert list(check_workspace.stale_entry_points([member])) == [
        "labtrust-wings is not installed; run: hatch env prune"
    ]
