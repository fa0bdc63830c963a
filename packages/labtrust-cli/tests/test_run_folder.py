"""Output appears whole or not at all, and never over something that exists."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from labtrust_cli.run_folder import default_folder, fresh_file, fresh_folder
from labtrust_core.errors import UsageError

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_default_folder_is_named_after_command_and_time():
    assert default_folder("quick-eval", NOON) == Path("labtrust_runs/quick_eval_20261121T120000Z")


def test_default_folder_that_is_taken_gets_a_number():
    default_folder("quick-eval", NOON).mkdir(parents=True)

    assert default_folder("quick-eval", NOON).name == "quick_eval_20261121T120000Z_2"


def test_folder_appears_when_the_work_is_done(here):
    with fresh_folder(Path("out"), command="x") as staging:
        (staging.path / "results.json").write_text("{}")
        assert not staging.target.exists()

    assert everything(here) == ["out", "out/results.json"]


def test_nothing_is_left_when_the_work_fails(here):
    with pytest.raises(RuntimeError), fresh_folder(Path("out"), command="x") as staging:
        (staging.path / "results.json").write_text("{}")
        raise RuntimeError

    assert everything(here) == []


def test_folder_that_exists_is_refused_before_any_work():
    Path("out").mkdir()

    with (
        pytest.raises(UsageError, match=r"out exists.*--force"),
        fresh_folder(Path("out"), command="x"),
    ):
        pytest.fail("the work began")


def test_forced_folder_replaces_the_old_one_whole(here):
    Path("out").mkdir()
    Path("out/old").write_text("old")

    with fresh_folder(Path("out"), command="x", force=True) as staging:
        (staging.path / "new").write_text("new")

    assert everything(here) == ["out", "out/new"]


def test_forced_folder_keeps_the_old_one_when_the_work_fails(here):
    Path("out").mkdir()
    Path("out/old").write_text("old")

    with (
        pytest.raises(RuntimeError),
        fresh_folder(Path("out"), command="x", force=True),
    ):
        raise RuntimeError

    assert everything(here) == ["out", "out/old"]


def test_forced_folder_never_replaces_a_file():
    Path("out").write_text("precious")

    with (
        pytest.raises(UsageError, match="is a file"),
        fresh_folder(Path("out"), command="x", force=True),
    ):
        pytest.fail("the work began")
    assert Path("out").read_text() == "precious"


@pytest.mark.parametrize("make", [lambda out: fresh_folder(out, command="x"), fresh_file])
def test_place_that_cannot_be_written_is_a_usage_error(make):
    Path("file").write_text("")

    with pytest.raises(UsageError, match="cannot write"), make(Path("file/out")):
        pytest.fail("the work began")


def test_file_appears_when_the_work_is_done(here):
    with fresh_file(Path("deep/results.json")) as staging:
        staging.path.write_text("{}")

    assert everything(here) == ["deep", "deep/results.json"]


def test_no_file_is_left_when_the_work_fails(here):
    with pytest.raises(RuntimeError), fresh_file(Path("results.json")) as staging:
        staging.path.write_text("{")
        raise RuntimeError

    assert everything(here) == []


def test_file_that_exists_is_refused_and_kept():
    Path("results.json").write_text("old")

    with pytest.raises(UsageError, match="exists"), fresh_file(Path("results.json")):
        pytest.fail("the work began")
    assert Path("results.json").read_text() == "old"


def test_forced_file_replaces_the_old_one():
    Path("results.json").write_text("old")

    with fresh_file(Path("results.json"), force=True) as staging:
        staging.path.write_text("new")

    assert Path("results.json").read_text() == "new"


def test_forced_file_never_replaces_a_folder():
    Path("results.json").mkdir()

    with (
        pytest.raises(UsageError, match="is a folder"),
        fresh_file(Path("results.json"), force=True),
    ):
        pytest.fail("the work began")
