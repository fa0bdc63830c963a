"""What `labtrust` lists and finds: its table, what is installed, and commands of other packages."""

import importlib.util
from pathlib import Path

import click
import pytest
from labtrust_cli import commands, lazy_group
from labtrust_cli.command_table import COMMANDS, CommandEntry, installed_commands, is_installed
from labtrust_cli.exit_codes import ExitCode
from labtrust_core.errors import DomainError

ABSENT = CommandEntry("fly", "Tests", "Flies.", "labtrust fly", distribution="labtrust-wings")


def test_names_in_the_table_are_unique():
    names = [entry.name for entry in COMMANDS]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_entry_shows_an_example_of_itself(entry):
    assert entry.example.startswith(f"labtrust {entry.name}")


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_entry_has_its_module(entry):
    assert importlib.util.find_spec(entry.module) is not None


@pytest.mark.parametrize("entry", installed_commands(COMMANDS), ids=lambda entry: entry.name)
def test_every_command_that_is_installed_loads_under_its_name(entry):
    command = entry.load()

    assert command.name == entry.name
    assert command.help


def test_every_module_of_commands_stands_in_the_table():
    files = {path.stem for path in Path(commands.__path__[0]).glob("*.py")} - {"__init__"}

    assert files == {entry.module.rpartition(".")[2] for entry in COMMANDS}


def test_help_lists_every_installed_command_under_its_section(labtrust):
    text = labtrust("--help").out

    for entry in installed_commands(COMMANDS):
        section = text.split(f"{entry.section}:\n", 1)[1].split("\n\n", 1)[0]
        assert f"  {entry.name} " in section


def test_command_of_a_missing_distribution_is_not_listed(labtrust, monkeypatch):
    monkeypatch.setattr(lazy_group.LazyGroup, "table", (ABSENT,))

    assert "fly" not in labtrust("--help").out


def test_command_of_a_missing_distribution_says_what_to_install(labtrust, monkeypatch):
    monkeypatch.setattr(lazy_group.LazyGroup, "table", (ABSENT,))

    answer = labtrust("fly")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "pip install 'labtrust-wings'" in answer.err


def test_distribution_that_is_there_is_seen():
    assert is_installed("labtrust-core")
    assert not is_installed("labtrust-wings")


def test_misspelt_command_is_answered_with_the_near_ones(labtrust):
    answer = labtrust("docter")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "Did you mean doctor?" in answer.err


def test_help_of_a_command_shows_its_example(labtrust):
    assert "Example: labtrust doctor" in labtrust("doctor", "--help").out


def test_module_without_a_command_is_an_error_of_ours(table):
    table(work=lambda: None)
    entry = CommandEntry("work", "Tests", "Works.", "labtrust work")
    from labtrust_cli import command_table

    module = command_table.importlib.import_module("labtrust_cli.commands.work")
    module.command = "text"

    with pytest.raises(DomainError, match="holds no click command"):
        entry.load()


def test_command_of_another_package_is_listed_apart_and_runs(labtrust, extensions):
    extensions.register("wave", click.command("wave")(lambda: click.echo("hello")))

    assert "From other packages:\n  wave" in labtrust("--help").out
    assert labtrust("wave").out == "hello\n"


def test_command_of_another_package_cannot_replace_ours(labtrust, extensions):
    extensions.register("doctor", click.command("doctor")(lambda: click.echo("quack")))

    assert "From other packages" not in labtrust("--help").out
    assert "quack" not in labtrust("doctor", "--help").out


def test_completion_offers_commands_without_importing_them(table, extensions):
    del extensions
    table(work=lambda: None, walk=lambda: None, rest=lambda: None)
    group = lazy_group.LazyGroup("labtrust")

    offered = group.shell_complete(click.Context(group), "w")

    assert [item.value for item in offered] == ["work", "walk"]
