"""Tools for trying the command line without installing anything."""

import types

import click
import pytest
from labtrust_cli import command_table, lazy_group
from labtrust_cli.command_table import CommandEntry
from labtrust_cli.main import run
from labtrust_core.registry import Registry


@pytest.fixture
def labtrust(capfd):
    """Run a command line; gives exit code, stdout and stderr."""

    def call(*arguments):
        code = run(arguments)
        out, err = capfd.readouterr()
        return types.SimpleNamespace(code=code, out=out, err=err)

    return call


@pytest.fixture
def table(monkeypatch):
    """Replace the table for one test: `table(name=function_or_command)`."""

    def put(**commands):
        entries = []
        modules = {}
        for name, body in commands.items():
            command = body if isinstance(body, click.Command) else click.command(name)(body)
            modules[f"labtrust_cli.commands.{name}"] = types.SimpleNamespace(command=command)
            entries.append(CommandEntry(name, "Tests", f"Does {name}.", f"labtrust {name}"))
        util = command_table.importlib.util
        importer = types.SimpleNamespace(import_module=modules.__getitem__, util=util)
        monkeypatch.setattr(command_table, "importlib", importer)
        monkeypatch.setattr(lazy_group.LazyGroup, "table", tuple(entries))

    return put


@pytest.fixture
def extensions(monkeypatch):
    """An empty registry of commands of other packages, in force for this test."""
    registry = Registry("command", "labtrust_gym.no_such_commands")
    monkeypatch.setattr(lazy_group.LazyGroup, "extensions", registry)
    return registry
