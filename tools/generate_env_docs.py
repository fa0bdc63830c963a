"""Write the tables of `docs/reference/environment.md` from the environment that they describe.

Run it after actions, fields or rewards have changed; `--check` only says whether the page is as it
must be. Exit code 0 when it is.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from labtrust_env import HospitalLabEnv
from labtrust_env.fields import Layout
from labtrust_env.rewards import TERMS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "environment.md"
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


def actions(env: HospitalLabEnv) -> str:
    """Return the actions by index."""
    rows: list[tuple[object, ...]] = []
    for action in env.session.actions:
        rule = (action.propose.__doc__ or "").splitlines()[0]
        rows.append((action.index, f"`{action.name}`", rule))
    return table(("Index", "Name", "What it does"), rows)


def fields(layout: Layout) -> str:
    """Return the fields of a vector."""
    rows: list[tuple[object, ...]] = [
        (
            f"{item.start}..{item.start + item.size - 1}",
            f"`{item.name}`",
            f"({item.size},)",
            item.unit,
            item.limit,
            item.meaning,
        )
        for item in layout.fields.values()
    ]
    return table(("Numbers", "Field", "Shape", "Unit", "1 stands for", "Meaning"), rows)


def rewards(env: HospitalLabEnv) -> str:
    """Return the terms of the reward with their default weights."""
    config = env.config.reward_config
    rows: list[tuple[object, ...]] = [
        (f"`{name}`", formula, getattr(config, name)) for name, formula in TERMS.items()
    ]
    return table(("Term", "Formula", "Default w (milli-units)"), rows)


TABLES: dict[str, Callable[[HospitalLabEnv], str]] = {
    "actions": actions,
    "observation": lambda env: fields(env.observer.layout),
    "state": lambda env: fields(env.observer.state_layout),
    "rewards": rewards,
    "size": lambda env: table(
        ("Space", "Size"),
        [
            ("Actions", len(env.session.actions)),
            ("Observation vector", env.observer.layout.size),
            ("State vector (standard crew)", env.observer.state_layout.size),
        ],
    ),
}


def filled(page: str) -> str:
    """Return a page with every marked table as it must be.

    Raises:
        KeyError: The page marks a table that is not known.
    """
    env = HospitalLabEnv()
    return MARKED.sub(lambda found: f"{found[1]}\n{TABLES[found[2]](env)}\n{found[3]}", page)


def main(arguments: list[str]) -> int:
    """Run the tool.

    Args:
        arguments: Nothing, or `--check`.
    """
    page = PAGE.read_text(encoding="utf-8")
    wanted = filled(page)
    if page == wanted:
        return 0
    if arguments == ["--check"]:
        print(f"{PAGE.name}: not as generated")
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
