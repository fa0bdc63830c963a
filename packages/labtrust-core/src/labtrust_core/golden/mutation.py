"""Is each guard and each gate watched? When it is taken out, some scenario must turn red."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from labtrust_core.domains import DEFAULT_DOMAIN, OpenedPolicy, open_documents
from labtrust_core.engine.domain import Domain
from labtrust_core.engine.gates import containment, early_guards
from labtrust_core.golden.coverage import Recorder
from labtrust_core.golden.format import Scenario, Suite, TestKeys, Without
from labtrust_core.golden.reader import read_suite, read_test_keys
from labtrust_core.golden.report import Coverage, ScenarioReport, SuiteReport
from labtrust_core.golden.runner import (
    TEST_KEYS,
    Bench,
    RunOptions,
    folder_for,
    run_suite,
    suite_folder,
)
from labtrust_core.golden.weakening import GATE_NAMES
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.load import partner_ids
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


@dataclass(frozen=True, slots=True)
class MutationCheck:
    """The mutation check of one policy, with or without an overlay.

    Attributes:
        suite: The scenarios that may notice.
        policy: The policy whose guards are taken out.
        keys: Who holds which test key.
        options: How the scenarios are run.
    """

    suite: Suite
    policy: OpenedPolicy
    keys: TestKeys
    options: RunOptions = field(default_factory=RunOptions)

    @property
    def mutants(self) -> list[Mutant]:
        """What is taken out, in order."""
        return mutants(self.policy)

    def outcomes(self) -> Iterator[MutantOutcome]:
        """Take out each guard of each action and each gate in turn, and yield what notices.

        Only scenarios that passed before and do without nothing themselves are run again, and each
        mutant until the first turns red. Scenarios in which the guard has refused come first.

        Raises:
            UnknownNameError: The options name a scenario that the suite does not hold.
            SignatureError: A test key has the id of a key in the policy's registry.
        """
        suite, policy = self.suite, self.policy
        options = replace(self.options, crashes=CRASHES)
        before = run_suite(suite, policy, self.keys, options)
        scenarios = _watching(suite, before)
        keyring = TestKeyring(self.keys.keys, suite.deterministic.rng_seed)
        recorder = Recorder(policy)
        with folder_for(options.folder) as folder:
            for mutant in self.mutants:
                damaged = replace(options, without=mutant.without)
                bench = Bench(suite, policy, keyring, recorder, damaged)
                order = _order(mutant, before.coverage, scenarios)
                yield _outcome(mutant, _first_red(bench, order, folder), policy.documents.partner)


def mutation_checks(
    suite: Path | None = None,
    *,
    policy_dir: Path | None = None,
    partner: str | None = None,
    domain: Domain | str = DEFAULT_DOMAIN,
    options: RunOptions | None = None,
) -> list[MutationCheck]:
    """Return the checks of a policy, one an overlay.

    Args:
        suite: A suite file or a folder of them; by default the policy's own, and with it the
            partner's under an overlay that brings one.
        policy_dir: The policy folder; by default the one in force.
        partner: The one partner whose overlay is checked. Without it the policy itself is, and
            unless a suite is named every overlay that brings scenarios, too.
        domain: The domain or its name.
        options: How to run.

    Raises:
        ScenarioError: A suite, or the policy's binding of test keys, is not in the format.
        PolicyError: The policy does not load.
        UnknownNameError: There is no such partner or domain.
    """
    directory = find_policy_dir(policy_dir)
    first = open_documents(directory, partner, domain)
    opened = [first]
    if partner is None and suite is None:
        opened += [
            open_documents(directory, name, domain)
            for name in partner_ids(directory)
            if suite_folder(directory, name) != suite_folder(directory)
        ]
    keys = read_test_keys(directory / TEST_KEYS)
    return [
        MutationCheck(
            read_suite(*_suites(directory, item.documents.partner) if suite is None else (suite,)),
            item,
            keys,
            options or RunOptions(),
        )
        for item in opened
    ]


def _suites(directory: Path, partner: str | None) -> tuple[Path, ...]:
    """Return the policy's own suite, and the partner's if it has one."""
    return tuple(dict.fromkeys((suite_folder(directory), suite_folder(directory, partner))))


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
