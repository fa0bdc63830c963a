"""Is each guard and each gate watched? When it is taken out, some scenario must turn red."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from labtrust_core.domains import OpenedPolicy
from labtrust_core.engine.gates import containment, early_guards
from labtrust_core.golden.coverage import Recorder
from labtrust_core.golden.format import Scenario, Suite, TestKeys, Without
from labtrust_core.golden.report import Coverage, ScenarioReport, SuiteReport
from labtrust_core.golden.runner import Bench, RunOptions, folder_for, run_suite
from labtrust_core.golden.weakening import GATE_NAMES
from labtrust_core.policy.model import ActionRule, Workflow
from labtrust_core.trust.keys import TestKeyring

CRASHES: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a handler raises when it meets something that the removed check would have refused."""


class Mutant(NamedTuple):
    """One check that is taken out: a guard off one action, or a gate off every event."""

    name: str
    kind: Literal["guard", "gate"]
    action: str | None
    guard: str | None

    @property
    def without(self) -> Without:
        """What an engine must do without to be this mutant."""
        if self.action is None or self.guard is None:
            return Without(gates=[self.name])
        return Without(guards={self.action: [self.guard]})


class MutantOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a mutant.

    Attributes:
        mutant: Its name: ``ACTION guard``, or the gate.
        partner: The partner whose overlay was in force.
        caught_by: The first scenario that turned red; ``None`` where none did.
        event_id: The step at which it did; ``None`` where the scenario failed between steps.
        how: The first failure, in words.
    """

    mutant: str
    kind: Literal["guard", "gate"]
    action: str | None
    guard: str | None
    partner: str | None
    caught_by: str | None = None
    event_id: str | None = None
    how: str | None = None

    @property
    def survived(self) -> bool:
        """Whether no scenario noticed."""
        return self.caught_by is None


def mutants(policy: OpenedPolicy) -> list[Mutant]:
    """Return everything that can be taken out of a policy's actions and of the engine, in order.

    A gate to which the policy gives nothing to do is left out: nothing can tell that it is gone.
    """
    rules = _rules(policy)
    uses = [
        Mutant(f"{action} {guard}", "guard", action, guard)
        for action, rule in rules.items()
        for guard in dict.fromkeys((*rule.early_guards, *rule.guards))
    ]
    has_work = {
        early_guards.__name__: any(rule.early_guards for rule in rules.values()),
        containment.__name__: bool(policy.compiled.enforcement),
    }
    return uses + [
        Mutant(name, "gate", None, None) for name in GATE_NAMES if has_work.get(name, True)
    ]


def outcomes(
    suite: Suite, policy: OpenedPolicy, keys: TestKeys, options: RunOptions | None = None
) -> Iterator[MutantOutcome]:
    """Take out each guard of each action and each gate in turn, and yield what notices.

    Only scenarios that passed before are run again, in full workflows only, and each mutant until
    the first turns red. Scenarios in which the guard has refused that action come first.

    Raises:
        UnknownNameError: ``options.only`` names a scenario that the suite does not hold.
        SignatureError: A test key has the id of a key in the policy's registry.
    """
    options = replace(options or RunOptions(), crashes=CRASHES)
    before = run_suite(suite, policy, keys, options)
    scenarios = _watching(suite, before)
    keyring = TestKeyring(keys.keys, suite.deterministic.rng_seed)
    recorder = Recorder(policy)
    with folder_for(options.folder) as folder:
        for mutant in mutants(policy):
            bench = Bench(
                suite, policy, keyring, recorder, replace(options, without=mutant.without)
            )
            order = _order(mutant, before.coverage, scenarios)
            yield _outcome(mutant, _first_red(bench, order, folder), policy.documents.partner)


def _watching(suite: Suite, before: SuiteReport) -> dict[str, Scenario]:
    passed = {item.scenario_id for item in before.scenario_reports if item.passed}
    return {
        item.scenario_id: item
        for item in suite.scenarios
        if item.scenario_id in passed and not item.without
    }


def _order(
    mutant: Mutant, coverage: Coverage, scenarios: Mapping[str, Scenario]
) -> Iterator[Scenario]:
    """Yield the scenarios that may notice a mutant, the likeliest first."""
    names: Iterable[str] = scenarios
    if mutant.action is not None:
        refused = [
            name
            for row, cells in coverage["refusals"].items()
            if row.startswith(f"{mutant.name} ")
            for name in cells["reached"]
        ]
        tried = coverage["actions"][mutant.action]
        names = dict.fromkeys((*refused, *tried["accepted"], *tried["blocked"]))
    return (scenarios[name] for name in names if name in scenarios)


def _first_red(bench: Bench, order: Iterable[Scenario], folder: Path) -> ScenarioReport | None:
    reports = (bench.run(scenario, folder / scenario.scenario_id) for scenario in order)
    return next((report for report in reports if not report.passed), None)


def _outcome(mutant: Mutant, red: ScenarioReport | None, partner: str | None) -> MutantOutcome:
    found = MutantOutcome(
        mutant=mutant.name,
        kind=mutant.kind,
        action=mutant.action,
        guard=mutant.guard,
        partner=partner,
    )
    if red is None:
        return found
    failure = red.failures[0]
    crashed = failure.reason_code is None
    return msgspec.structs.replace(
        found,
        caught_by=red.scenario_id,
        event_id=failure.event_id,
        how=f"{failure.details}: {failure.message}" if crashed else failure.message,
    )


def _rules(policy: OpenedPolicy) -> Mapping[str, ActionRule]:
    return policy.documents.get("workflow", Workflow).actions
