"""Mutation testing: changes the modules that trust rests on, and asks whether a test notices.

    python tools/mutate.py run                       # every group, every mutant
    python tools/mutate.py run ledger --sample 40    # 40 mutants a module, drawn by --seed
    python tools/mutate.py run --again report.jsonl  # only what survived there

It fails when less than 90 % of a group's mutants are killed, or when one survives that
``tools/mutation/survivors.yaml`` does not give a reason for.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import yaml
from mutation.sites import Mutant, mutants
from mutation.targets import GROUPS, Group, source_of
from mutation.trials import SURVIVED, Trials, Verdict, run_pytest, try_one

ROOT: Final = Path(__file__).parent.parent
REASONS: Final = Path(__file__).parent / "mutation" / "survivors.yaml"
WANTED: Final = 0.9


def reasons() -> dict[str, str]:
    """Return the reason of each survivor that is known, by the mutant's name.

    Raises:
        ValueError: One is named twice, or has no reason.
    """
    found: dict[str, str] = {}
    for entry in yaml.safe_load(REASONS.read_text()):
        for name in entry["mutants"]:
            if name in found or not entry["reason"].strip():
                raise ValueError(f"{name}: named twice, or without a reason")
            found[name] = entry["reason"]
    return found


def chosen(group: Group, sample: int | None, seed: int, names: set[str] | None) -> list[Mutant]:
    """Return the mutants to be tried: all, so many of each module, or those that are named."""
    found: list[Mutant] = []
    for module in group.modules:
        every = mutants(module, source_of(module).read_text())
        if names is not None:
            every = [mutant for mutant in every if mutant.name in names]
        elif sample is not None and sample < len(every):
            drawn = random.Random(f"{seed}/{module}").sample(every, sample)  # noqa: S311 - no secret
            every = sorted(drawn, key=lambda mutant: mutant.number)
        found += every
    return found


def run(name: str, found: Sequence[Mutant], report: Path | None, *, control: bool) -> list[Verdict]:
    """Try mutants of a group and return the verdicts; each is noted as it comes.

    Raises:
        SystemExit: The tests fail on the unchanged modules.
    """
    verdicts: list[Verdict] = []

    def tell(verdict: Verdict) -> None:
        verdicts.append(verdict)
        mutant = verdict.mutant
        line = {"group": name, "name": mutant.name, "line": mutant.line, "answer": verdict.answer}
        if report is not None:
            with report.open("a") as file:
                file.write(json.dumps({**line, "tests": verdict.tests}) + "\n")
        if verdict.answer == SURVIVED:
            print(f"  survived, line {mutant.line}: {mutant.name}", flush=True)

    group = GROUPS[name]
    trials = Trials(group, found, tell, control=control)
    without = [f"not {word}" for word in group.without]
    expression = ["-k", " and ".join(without)] if without else []
    run_pytest([*(str(ROOT / test) for test in group.tests), *expression, "-s"], [trials])
    if trials.failed or len(verdicts) < len(found):
        raise SystemExit(f"{name}: the unchanged tests fail: {trials.failed}")
    return verdicts


def table(verdicts: Iterable[Verdict], totals: Mapping[str, int]) -> list[str]:
    """Return the figures of modules, a line each, and of all together."""
    lines = [
        f"{'module':40} {'all':>5} {'tried':>5} {'killed':>6} {'endless':>7} {'alive':>5}  score"
    ]
    counts: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        counts.setdefault(verdict.mutant.module, Counter())[verdict.answer] += 1
    every: Counter[str] = Counter()
    for module, count in [*counts.items(), ("together", every)]:
        tried, alive = count.total(), count[SURVIVED]
        score = 1 - alive / max(tried, 1)
        lines.append(
            f"{module:40} {totals.get(module, sum(totals.values())):5} {tried:5} "
            f"{count['killed']:6} {count['endless']:7} {alive:5}  {score:.1%}"
        )
        every += count
    return lines


def judged(name: str, verdicts: Sequence[Verdict], known: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a group: a low score, and survivors that nobody has explained."""
    alive = [verdict.mutant.name for verdict in verdicts if verdict.answer == SURVIVED]
    wrong = [f"no reason is given for: {mutant}" for mutant in alive if mutant not in known]
    if len(alive) > (1 - WANTED) * len(verdicts):
        wrong.append(f"{name}: less than {WANTED:.0%} of {len(verdicts)} mutants are killed")
    return wrong


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    if words[:1] == ["one"]:
        return try_one(words[1], int(words[2]), words[3:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run"])
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)}; all by default")
    parser.add_argument("--module", action="append", help="a module's dotted name; all by default")
    parser.add_argument("--sample", type=int, help="mutants of each module; all by default")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--report", type=Path, help="a file to add each verdict to, as JSON")
    parser.add_argument("--again", type=Path, help="a report: try only what survived there")
    parser.add_argument(
        "--no-control", action="store_true", help="do not run the unchanged tests a second time"
    )
    options = parser.parse_args(words)
    known = reasons()
    names = _survivors(options.again) if options.again else None
    wrong: list[str] = []
    for name in options.groups or GROUPS:
        group = GROUPS[name]
        if options.module:
            modules = tuple(one for one in group.modules if one in options.module)
            group = replace(group, modules=modules)
        totals = {one: len(mutants(one, source_of(one).read_text())) for one in group.modules}
        found = chosen(group, options.sample, options.seed, names)
        print(f"{name}: {len(found)} of {sum(totals.values())} mutants", flush=True)
        verdicts = run(name, found, options.report, control=not options.no_control) if found else []
        print(*table(verdicts, totals), sep="\n", flush=True)
        if names is None:
            wrong += judged(name, verdicts, known)
    print(*wrong, sep="\n")
    return 1 if wrong else 0


def _survivors(report: Path) -> set[str]:
    """Return what survived, by the last word on each."""
    last = {}
    for line in report.read_text().splitlines():
        verdict = json.loads(line)
        last[verdict["name"]] = verdict["answer"]
    return {name for name, answer in last.items() if answer == SURVIVED}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
