"""Write the parts of `docs/` that are made from code and policy, so that they cannot fall behind.

Each section stands between two comments of its page. Run it after policy, an interface or the
laboratory has changed; `--check` only says whether all but the slow sections are as they must be.
Exit code 0 when they are.
"""

from __future__ import annotations

import importlib
import inspect
import io
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import click
from labtrust_cli.command_table import COMMANDS, CommandEntry
from labtrust_cli.main import cli, run
from labtrust_core.domains import open_documents, open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.golden.coverage import totals
from labtrust_core.golden.runner import run_golden
from labtrust_core.hospital_lab.documents.kinds import LAB_DOCUMENTS
from labtrust_core.hospital_lab.lab import HOSPITAL_LAB
from labtrust_core.ledger.verify import verify_log
from labtrust_core.policy.documents import path_text, read_document
from labtrust_core.policy.load import SUITE_FOLDER, merged
from labtrust_core.policy.model import TRUST_DOCUMENTS, Workflow
from labtrust_core.testing.world_invariants import (
    CHANGE_INVARIANTS,
    STATE_INVARIANTS,
    statement,
)
from vocabulary_tables import (
    code,
    emits_section,
    fields_section,
    reason_codes_section,
    table,
)

ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = ROOT / "docs"
POLICY: Final = ROOT / "policy"
OVERLAY: Final = POLICY / "partners" / "upstream_compat"
REGENERATE: Final = "run: python tools/generate_reference_docs.py"


def cli_section() -> str:
    """Return the options of the `labtrust` command and all of its commands."""
    context = click.Context(cli, info_name="labtrust", **cli.context_settings)
    return "\n\n".join([_options(cli, context), *(_command(entry, context) for entry in COMMANDS)])


def _command(entry: CommandEntry, parent: click.Context) -> str:
    command = entry.load()
    context = click.Context(command, info_name=entry.name, parent=parent)
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return "\n\n".join(
        [
            f"## {entry.name}",
            _described(command, context),
            f"Example: `{entry.example}`. Needs `{entry.distribution}`.",
            *(_subcommand(item, context) for item in below),
        ]
    )


def _subcommand(command: click.Command, parent: click.Context) -> str:
    context = click.Context(command, info_name=command.name, parent=parent)
    example = (command.epilog or "").removeprefix("Example: ")
    return "\n\n".join(
        [
            f"### {parent.info_name} {command.name}",
            _described(command, context),
            f"Example: `{example}`.",
        ]
    )


def _described(command: click.Command, context: click.Context) -> str:
    return "\n\n".join(
        [
            inspect.cleandoc(command.help or ""),
            f"```\n{context.get_usage().removeprefix('Usage: ')}\n```",
            _options(command, context),
        ]
    )


def _options(command: click.Command, context: click.Context) -> str:
    records = (
        record
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context)) is not None
    )
    return table(("option", "meaning"), ((f"`{name}`", _one_line(text)) for name, text in records))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def overlay_section() -> str:
    """Return every value that the overlay `upstream_compat` changes, file by file."""
    parts = []
    for file in sorted(OVERLAY.rglob("*.yaml")):
        if file.parent == OVERLAY / SUITE_FOLDER:
            continue  # scenarios, which change nothing
        relative = file.relative_to(OVERLAY).as_posix()
        base, overlay = read_document(POLICY / relative).data, read_document(file).data
        rows = [
            (f"`{path_text(path)}`", _value(base, path), _value(merged(base, overlay), path))
            for path in _leaves(overlay)
            if _at(base, path) != _at(merged(base, overlay), path)
        ]
        comment = re.findall(r"^\s*# (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
        parts += [
            f"### {relative}",
            " ".join(comment),
            table(("value", "default", "overlay"), rows),
        ]
    return "\n\n".join(parts)


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - JSON data of any shape
    if not isinstance(value, dict):
        yield path
        return
    for key, item in value.items():
        yield from _leaves(item, (*path, key))


def _at(value: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - JSON data of any shape
    for key in path:
        if key not in value:
            return None
        value = value[key]
    return value


def _value(document: dict[str, Any], path: tuple[str | int, ...]) -> str:
    value = _at(document, path)
    if isinstance(value, list):
        return code(str(item) for item in value)
    return f"`{json.dumps(value)}`"


def documents_section() -> str:
    """Return the policy files with what each holds."""
    rows = (
        (f"`{kind.path}`", owner, _meaning(inspect.getdoc(kind.type) or ""))
        for owner, kinds in (("trust", TRUST_DOCUMENTS), ("laboratory", LAB_DOCUMENTS))
        for kind in kinds
    )
    return table(("file", "part", "what it holds"), rows)


def _meaning(docstring: str) -> str:
    """Return the first paragraphs of a docstring in one line, without the folder that opens it."""
    text = _one_line(docstring.partition("Attributes:")[0]).replace("``", "`")
    text = re.sub(r"^`[^`]*`[:.] ", "", text)
    return text[:1].upper() + text[1:]


def actions_section() -> str:
    """Return every action with its guards in order, and its handling time."""
    rules = open_documents(POLICY).documents.get("workflow", Workflow).actions
    rows = ((f"`{name}`", code(rule.guards), str(rule.handling_s)) for name, rule in rules.items())
    return table(("action", "guards, in order", "handling, s"), rows)


def guards_section() -> str:
    """Return every guard of the laboratory with the question that it answers."""
    rules = open_documents(POLICY).documents.get("workflow", Workflow).actions
    used = dict.fromkeys(guard for rule in rules.values() for guard in rule.guards)
    rows = (
        (f"`{name}`", _one_line((inspect.getdoc(HOSPITAL_LAB.guards[name]) or "").split("\n\n")[0]))
        for name in used
    )
    return table(("guard", "question"), rows)


def _log() -> list[bytes]:
    """Return the ledger of a small episode in the warehouse: start, two events, end."""
    sys.path.insert(0, str(ROOT / "examples"))
    warehouse = importlib.import_module("warehouse_domain.domain")
    policy = open_policy(warehouse.POLICY_DIR, domain=warehouse.COLD_CHAIN_WAREHOUSE)
    lines: list[bytes] = []
    engine = Engine(policy)
    engine.reset(
        {"pallets": [{"pallet_id": "P1", "sku": "SKU_FISH", "cases": 5}]},
        EpisodeConfig("example-1", 7, simulated=False, signatures_required=False),
        sink=lines.append,
    )
    for number, (agent, action) in enumerate(
        [("A_RECEIVER", "RECEIVE_PALLET"), ("A_PICKER", "RECEIVE_PALLET")]
    ):
        args = {"pallet_id": "P1", "to_zone": "Z_DOCK", "reading_mc": -19000}
        engine.step(
            {
                "event_id": f"E{number + 1}",
                "t_s": 60 * number,
                "agent_id": agent,
                "action_type": action,
                "args": args,
            }
        )
    engine.finish()
    return lines


def log_section() -> str:
    """Return the lines of a small log as they stand in the file."""
    return "\n\n".join(
        f'```json title="line {number}: {json.loads(line)["kind"]}, {len(line)} bytes"\n'
        f"{line.decode()}\n```"
        for number, line in enumerate(_log())
    )


def record_section() -> str:
    """Return the refused event of the small log, spread over lines for reading."""
    record = json.loads(_log()[2])
    return f"```json\n{json.dumps(record, indent=2, ensure_ascii=False)}\n```"


def shown(*arguments: str, last: int | None = None) -> str:
    """Return a command line with what it prints, or only the ``last`` lines of it, as a block."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(io.StringIO()):
        run(arguments)
    lines = [line.rstrip() for line in printed.getvalue().strip().splitlines()]
    kept = lines if last is None else lines[-last:]
    return "\n".join(["```console", f"$ labtrust {' '.join(arguments)}", *kept, "```"])


def golden_section() -> str:
    """Return the verdict on the shipped suite."""
    return shown("golden", "--coverage", "none", last=1)


def mutate_section() -> str:
    """Return the verdict on the shipped suite's watch over guards and gates."""
    return shown("golden", "--mutate", last=1)


def coverage_section() -> str:
    """Return what the shipped suite reaches."""
    coverage = run_golden(policy_dir=POLICY).coverage
    rows = (
        (item.table, item.column, f"{item.reached} of {item.rows}", code(item.missing))
        for item in totals(coverage)
    )
    return table(("kind", "column", "reached", "not reached"), rows)


def _with_suite(*arguments: str, change: tuple[str, str] = ("", "")) -> str:
    """Return what `labtrust golden` prints for the suite that the page shows."""
    page = (DOCS / "reference" / "golden.md").read_text(encoding="utf-8")
    suite = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[0]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("suite.yaml").write_text(suite.replace(*change), encoding="utf-8")
        return shown("golden", "--suite", "suite.yaml", "--coverage", "none", *arguments)


def report_section() -> str:
    """Return the report on the suite that the page shows."""
    return _with_suite("--format", "json")


def failure_section() -> str:
    """Return the verdict on that suite when it expects another reason code."""
    return _with_suite(change=("RBAC_ACTION_DENY", "RC_RESULT_UNKNOWN"))


def validate_section() -> str:
    """Return the verdict on the shipped policy."""
    return shown("validate-policy")


@cache
def _quick_eval() -> tuple[str, str]:
    """Return what `labtrust quick-eval` prints, and the report on one of its logs."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        block = shown("quick-eval", "--seed", "7")
        (log,) = Path().glob("labtrust_runs/*/logs/throughput_sla/episode_0.jsonl")
        report = verify_log(log)
    return re.sub(r"quick_eval_\w+", "quick_eval_<time>", block), f"```\n{report}\n```"


@cache
def _theory() -> tuple[str, str]:
    """Return the comparison with theory, and its plot."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        text = shown("check-theory", "--plot", "theory.svg")
        return text, Path("theory.svg").read_text(encoding="utf-8")


def theory_section() -> str:
    """Return the comparison with theory."""
    return _theory()[0]


def theory_plot() -> str:
    """Return its plot."""
    return _theory()[1]


@cache
def _pictures() -> tuple[str, str]:
    """Return the floor plan in the middle of a logged shift, and the timeline of that shift."""
    log = ("--log", "episode.jsonl")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        shown("run-benchmark", "--task", "throughput_sla", "--seed", "7", *log, "--out", "r.json")
        shown("render", "floor", *log, "--at", "9000", "--out", "floor.svg")
        shown("render", "timeline", *log, "--out", "timeline.svg")
        floor, timeline = (Path(name).read_text("utf-8") for name in ("floor.svg", "timeline.svg"))
    return floor, timeline


def floor_picture() -> str:
    """Return the floor plan."""
    return _pictures()[0]


def timeline_picture() -> str:
    """Return the timeline."""
    return _pictures()[1]


@cache
def _calibration() -> tuple[dict[str, Any], dict[str, str]]:
    """Return the report on twenty days of the default site, and its plots by file name."""
    with tempfile.TemporaryDirectory() as folder:  # processes of its own start from this folder
        block = shown("calibrate", "--format", "json", "--plot", folder)
        plots = {file.name: file.read_text("utf-8") for file in Path(folder).iterdir()}
    return json.loads("\n".join(block.splitlines()[2:-1])), plots


_MARKS: Final[Mapping[tuple[bool | None, bool | None], str]] = {
    (True, True): "agrees",
    (True, False): "*touches*",
    (False, False): "**off**",
    (None, None): "no value",
}


def calibration_rows(kind: str) -> str:
    """Return the rows of one kind."""
    found = [row for row in _calibration()[0]["rows"] if row["kind"] == kind]
    rows = (
        (
            _MARKS[row["agrees"], row["in_range"]],
            row["quantity"],
            f"{row['published']:g} {row['unit']}",
            f"{row['published_low']:g} to {row['published_high']:g} ({row['range']})",
            _number(row["simulated"]),
            f"{_number(row['ci_low'])} to {_number(row['ci_high'])}",
            row["source"] + (f" ({row['note']})" if row["note"] else ""),
        )
        for row in found
    )
    head = ("", "quantity", "published", "range", "simulated", "95 % interval", "source")
    marks = Counter(_MARKS[row["agrees"], row["in_range"]].strip("*") for row in found)
    counted = ", ".join(f"{count} {mark}" for mark, count in sorted(marks.items()))
    return table(head, rows) + f"\n\nOf {len(found)} {kind} rows: {counted}."


def calibration_off() -> str:
    """Return what is off, and what only touches, grouped by the likely reasons."""
    parts = []
    for agrees, title in ((False, "Off"), (True, "Only within the error")):
        reasons: dict[str, list[str]] = {}
        for row in _calibration()[0]["rows"]:
            if (row["agrees"], row["in_range"]) == (agrees, False):
                against = f"{_number(row['simulated'])} against {row['published']:g} {row['unit']}"
                reasons.setdefault(row["reason"] or "no reason is known", []).append(
                    f"**{row['quantity']}** ({row['kind']}; {against})"
                )
        lines = [f"- {'; '.join(found)}: {reason}." for reason, found in reasons.items()]
        parts += [f"{title}:", "\n".join(lines)]
    return "\n\n".join(parts)


def calibration_rest() -> str:
    """Return what is measured without a published figure beside it."""
    report = _calibration()[0]
    named = {"tubes that waited too long and were thrown away": report["spoilt_percent"]}
    named |= {f"`{name}`, occupied": item for name, item in report["utilisation_percent"].items()}
    late = {f"{name}, 90th percentile": item for name, item in report["turnaround_90_min"].items()}
    rows = (
        (name, unit, *(_number(item[key]) for key in ("simulated", "ci_low", "ci_high")))
        for unit, items in (("%", named), ("min", late))
        for name, item in items.items()
    )
    return table(("quantity", "unit", "mean", "from", "to"), rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def calibration_plot(name: str) -> str:
    """Return one of the plots of that report."""
    return _calibration()[1][name]


def assumed_section() -> str:
    """Return what policy marks as assumed: what its comments say, and the values marked so."""
    rows = []
    for file in sorted(POLICY.rglob("*.yaml")):
        relative = file.relative_to(POLICY)
        if relative.parts[0] in {SUITE_FOLDER, "partners"}:
            continue
        said, values = _assumed(file)
        if said or values:
            rows.append((f"`{relative.as_posix()}`", " ".join(said) or "-", code(values)))
    return table(("file", "its comments", "values marked as assumed"), rows)


def _assumed(file: Path) -> tuple[list[str], list[str]]:
    text = file.read_text(encoding="utf-8")
    comments = re.findall(r"(?:^ *# .*\n)+", text, re.MULTILINE)
    blocks = (_one_line(re.sub(r"^ *# ", "", block, flags=re.MULTILINE)) for block in comments)
    sentences = (item for block in blocks for item in re.split(r"(?<=\.) (?=[A-Z])", block))
    places: dict[int, tuple[str | int, ...]] = {}
    for path, number in read_document(file).lines.items():
        places.setdefault(number, path)
    marked = [
        places[number]
        for number, line in enumerate(text.splitlines(), 1)
        if "assumed" in line and number in places
    ]
    values = [path_text(path[:-1] if path[-1] == "source" else path) for path in marked]
    return [item for item in sentences if "assumed" in item], values


def quick_eval_section() -> str:
    """Return the summary of a quick evaluation."""
    return _quick_eval()[0]


def verify_section() -> str:
    """Return the report on a log of that evaluation."""
    return _quick_eval()[1]


def invariants_section() -> str:
    """Return what the invariants of the laboratory say, those of a state and those of a change."""
    state = [statement(name) for name in STATE_INVARIANTS]
    change = [statement(name) for name in CHANGE_INVARIANTS]
    heads = (f"Of every state ({len(state)})", f"Of every change ({len(change)})")
    return "\n\n".join(
        "\n".join([f"{head}:", "", *(f"- {sentence}" for sentence in said)])
        for head, said in zip(heads, (state, change), strict=True)
    )


Sections = Mapping[tuple[str, str], Callable[[], str]]

SECTIONS: Final[Sections] = {
    ("explanation/calibration.md", "assumed"): assumed_section,
    ("explanation/differences-from-upstream.md", "overlay"): overlay_section,
    ("explanation/laboratory.md", "actions"): actions_section,
    ("explanation/laboratory.md", "guards"): guards_section,
    ("explanation/laboratory.md", "invariants"): invariants_section,
    ("explanation/trust.md", "record"): record_section,
    ("reference/cli.md", "commands"): cli_section,
    ("reference/golden.md", "golden"): golden_section,
    ("reference/golden.md", "report"): report_section,
    ("reference/golden.md", "failure"): failure_section,
    ("reference/golden.md", "coverage"): coverage_section,
    ("reference/golden.md", "mutate"): mutate_section,
    ("reference/ledger.md", "log"): log_section,
    ("reference/policy.md", "documents"): documents_section,
    ("reference/policy.md", "validate"): validate_section,
    ("reference/reason-codes.md", "codes"): reason_codes_section,
    ("reference/vocabulary.md", "emits"): emits_section,
    ("reference/vocabulary.md", "fields"): fields_section,
}
"""Page and section to the function that makes the section."""

SLOW_SECTIONS: Final[Sections] = {
    ("explanation/calibration.md", "fitted"): partial(calibration_rows, "fitted"),
    ("explanation/calibration.md", "held-out"): partial(calibration_rows, "held-out"),
    ("explanation/calibration.md", "off"): calibration_off,
    ("explanation/calibration.md", "rest"): calibration_rest,
    ("explanation/theory.md", "theory"): theory_section,
    ("tutorials/first-run.md", "quick-eval"): quick_eval_section,
    ("tutorials/first-run.md", "verify"): verify_section,
}
"""The same for what takes some seconds; `--check` leaves them out."""

ASSETS: Final[Mapping[str, Callable[[], str]]] = {
    "theory.svg": theory_plot,
    **{
        name: partial(calibration_plot, name)
        for name in (
            "calibration-rows.svg",
            "calibration-turnaround.svg",
            "calibration-arrivals.svg",
        )
    },
    "floor.svg": floor_picture,
    "timeline.svg": timeline_picture,
}
"""Picture below docs/assets to the function that draws it; `--check` leaves them out too."""


def replaced(text: str, name: str, section: str) -> str:
    """Return a page with one section replaced.

    Raises:
        ValueError: The page does not hold the section's two comments, once and in order.
    """
    first, last = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
    if text.count(first) != 1 or text.count(last) != 1 or text.index(first) > text.index(last):
        raise ValueError(f"expected {first} and {last}, once and in order")
    before, after = text.partition(first)[0], text.partition(last)[2]
    return f"{before}{first}\n\n{section}\n\n{last}{after}"


def wanted_pages(sections: Sections = SECTIONS) -> dict[Path, str]:
    """Return every page that holds one of ``sections``, as it must be."""
    pages: dict[Path, str] = {}
    for (name, section), make in sections.items():
        page = DOCS / name
        text = pages.get(page) or page.read_text(encoding="utf-8")
        pages[page] = replaced(text, section, make())
    return pages


def differences() -> list[str]:
    """Return one line for each page that is outdated."""
    return [
        f"{page.relative_to(ROOT).as_posix()}: not as generated; {REGENERATE}"
        for page, text in wanted_pages().items()
        if page.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Run the tool.

    Args:
        arguments: Nothing, or `--check`.
    """
    os.environ.pop("LABTRUST_POLICY_DIR", None)  # the pages show the shipped policy
    if arguments != ["--check"]:
        for page, text in wanted_pages({**SECTIONS, **SLOW_SECTIONS}).items():
            page.write_text(text, encoding="utf-8")
        for name, draw in ASSETS.items():
            (DOCS / "assets" / name).write_text(draw(), encoding="utf-8")
    found = differences()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
