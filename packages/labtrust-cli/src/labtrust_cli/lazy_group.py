"""A click group over the table and over commands of other packages; imports what is called."""

from __future__ import annotations

import difflib
from typing import Final

import click
from click.shell_completion import CompletionItem
from labtrust_core.registry import Registry

from labtrust_cli.command_table import (
    COMMANDS,
    EXTENSIONS,
    CommandEntry,
    installed_commands,
)

COMMAND_GROUP: Final = "labtrust_gym.commands"


def _not_a_command(item: object) -> str:
    return "" if isinstance(item, click.Command) else f"is {item!r}; expected a click command"


EXTENSION_COMMANDS: Final[Registry[click.Command]] = Registry(
    "command", COMMAND_GROUP, check=_not_a_command
)


class LazyGroup(click.Group):
    """Commands by table; the table wins over an extension of the same name."""

    table: tuple[CommandEntry, ...] = COMMANDS
    extensions: Registry[click.Command] = EXTENSION_COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command that can be called here; imports none of them."""
        del ctx
        return [name for rows in self._sections().values() for name, _ in rows]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None when nothing has that name."""
        del ctx
        entry = {entry.name: entry for entry in self.table}.get(cmd_name)
        if entry is not None:
            return entry.load()
        if cmd_name in self.extensions:
            return self.extensions.get(cmd_name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one might have been meant."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under the headings of the table."""
        del ctx
        for section, rows in self._sections().items():
            with formatter.section(section):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete from the table, so that pressing a key imports no command."""
        commands = [
            CompletionItem(name, help=summary)
            for rows in self._sections().values()
            for name, summary in rows
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def _sections(self) -> dict[str, list[tuple[str, str]]]:
        sections: dict[str, list[tuple[str, str]]] = {}
        for entry in installed_commands(self.table):
            sections.setdefault(entry.section, []).append((entry.name, entry.summary))
        ours = {entry.name for entry in self.table}
        foreign = [name for name in self.extensions.names() if name not in ours]
        if foreign:
            sections[EXTENSIONS] = [(name, self._offered_by(name)) for name in foreign]
        return sections

    def _offered_by(self, name: str) -> str:
        offers = self.extensions.offers(name)
        return "offered by " + " and ".join(offer.distribution for offer in offers)
