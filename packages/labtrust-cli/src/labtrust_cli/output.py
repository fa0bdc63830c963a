"""Where words go: results to stdout, progress and notes to stderr.

`--quiet` silences notes and progress, `--verbose` adds details; neither touches results. Progress
is a bar on a terminal and plain lines elsewhere.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

import click

FORMATS: Final = ("text", "json")
PLAIN_PROGRESS_LINES: Final = 10

format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How to write the result to stdout.",
)


class Verbosity(IntEnum):
    """How much is said on stderr."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


class Output:
    """The two streams of one invocation."""

    def __init__(self, verbosity: Verbosity = Verbosity.NORMAL) -> None:
        self.verbosity = verbosity

    def result(self, text: str) -> None:
        """Write a line, or several, of the answer to stdout."""
        click.echo(text)

    def result_json(self, value: object) -> None:
        """Write the answer to stdout as indented JSON with sorted keys.

        Args:
            value: Anything that JSON can carry; NaN and infinities are refused.
        """
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        click.echo(text)

    def note(self, text: str) -> None:
        """Say something on stderr, unless quiet."""
        if self.verbosity >= Verbosity.NORMAL:
            click.echo(text, err=True)

    def detail(self, text: str) -> None:
        """Say something on stderr that only `--verbose` asks for."""
        if self.verbosity >= Verbosity.VERBOSE:
            click.echo(text, err=True)

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Callable[[], None]]:
        """Show the progress of `total` pieces of work.

        Args:
            label: What is being done.
            total: Number of pieces, at least 1.

        Yields:
            A function to call after each finished piece.
        """
        if self.verbosity is Verbosity.QUIET:
            yield _silent
        elif sys.stderr.isatty():
            with _bar(label, total) as advance:
                yield advance
        else:
            yield _plain_lines(label, total, self.note)


def _silent() -> None:
    """Progress that nobody wants to see."""


def _plain_lines(label: str, total: int, say: Callable[[str], None]) -> Callable[[], None]:
    every = max(1, -(-total // PLAIN_PROGRESS_LINES))
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if done % every == 0 or done == total:
            say(f"{label}: {done} of {total}")

    return advance


@contextmanager
def _bar(label: str, total: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)

        def advance() -> None:
            bar.advance(task)

        yield advance
