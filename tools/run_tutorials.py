"""Run the blocks of `docs/tutorials/` and keep the output that the pages show true.

The blocks of one page run in order, in one namespace, in an empty folder. A block fenced as `text`
right after a Python block is what that block prints. A block fenced as `console` after the comment
`<!-- run -->` (or `<!-- run: exit 1 -->`) holds commands and what they print; there `…` stands for
anything, and only a person can put it right. Run it after a change; `--check` only says what
differs. Exit code 0 when every block runs and every shown output is true.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
TUTORIALS: Final = ROOT / "docs" / "tutorials"
EXAMPLES: Final = ROOT / "examples"

_BLOCK: Final = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?"
    r"|^<!-- run(?:: exit (?P<exit>\d))? -->\n\n```console\n(?P<console>.*?)^```\n",
    re.DOTALL | re.MULTILINE,
)


class FalseOutputError(Exception):
    """A command of a page does not do what the page shows."""


def run_console(block: str, exit_code: int) -> None:
    """Run the commands of a block (`$ command`, then what it prints).

    Raises:
        FalseOutputError: A command ends or prints otherwise.
    """
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        program, *arguments = shlex.split(command)
        runs = {"labtrust": ["-c", "from labtrust_cli.main import main; main()"], "python": []}
        own = [str(ROOT / one) if one.startswith("tools/") else one for one in arguments]
        done = subprocess.run(  # noqa: S603 - running the project's own pages is the purpose
            [sys.executable, *runs[program], *own],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        pattern = ".*".join(map(re.escape, shown.split("…")))
        if done.returncode != exit_code or not re.fullmatch(pattern, done.stdout, re.DOTALL):
            raise FalseOutputError(
                f"{command}\nexit {done.returncode}, prints\n{done.stdout}{done.stderr}"
            )


@contextmanager
def empty_folder() -> Iterator[None]:
    """Work in an empty folder for a while, with the examples importable."""
    path = sys.path.copy()
    sys.path.insert(0, str(EXAMPLES))
    try:
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            yield
    finally:
        sys.path[:] = path


def with_true_output(page: Path) -> str:
    """Return a page in which every shown output is what its block prints now.

    Raises:
        Exception: Whatever a block raises.
    """
    text = page.read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "tutorial"}

    def run(match: re.Match[str]) -> str:
        if match["console"] is not None:
            run_console(match["console"], int(match["exit"] or 0))
            return match[0]
        printed = io.StringIO()
        line = text.count("\n", 0, match.start("code"))
        # Blank lines before the block make a traceback name the line of the page.
        code = compile("\n" * line + match["code"], str(page), "exec")
        with redirect_stdout(printed):
            exec(code, namespace)  # noqa: S102 - running the project's own pages is the purpose
        if match["shown"] is None:
            return match[0]
        before = match[0][: match.start("shown") - match.start()]
        return f"{before}{printed.getvalue()}```\n"

    with empty_folder():
        return _BLOCK.sub(run, text)


def main(arguments: list[str]) -> int:
    """Run the tool.

    Args:
        arguments: Nothing, or `--check`.
    """
    os.environ.pop("LABTRUST_POLICY_DIR", None)  # the pages show the shipped policy
    outdated = 0
    for page in sorted(TUTORIALS.glob("*.md")):
        text = with_true_output(page)
        if text == page.read_text(encoding="utf-8"):
            continue
        if arguments == ["--check"]:
            print(f"{page.relative_to(ROOT).as_posix()}: shows output that is not true any more")
            outdated += 1
        else:
            page.write_text(text, encoding="utf-8")
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
