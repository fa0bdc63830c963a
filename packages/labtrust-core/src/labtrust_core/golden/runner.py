"""Run golden scenarios: reset, take the steps, check each, run the hooks, report."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import UNSET

from labtrust_core.domains import DEFAULT_DOMAIN, OpenedPolicy, open_documents
from labtrust_core.engine.domain import Domain
from labtrust_core.engine.engine import Engine
from labtrust_core.errors import LabTrustError, UnknownNameError
from labtrust_core.event import BLOCKED, HashChain, StepResult
from labtrust_core.golden.coverage import Recorder, observed
from labtrust_core.golden.expectations import (
    Observed,
    broken_rules,
    mismatches,
    observed_advance,
    observed_event,
)
from labtrust_core.golden.format import Scenario, Step, Suite, TestKeys, Without
from labtrust_core.golden.hooks import HOOKS, FinishedEpisode, hooks_of
from labtrust_core.golden.initial import start_of
from labtrust_core.golden.keys import Signer
from labtrust_core.golden.reader import read_suite, read_test_keys
from labtrust_core.golden.report import (
    ASSERTION_FAILED,
    Failure,
    ScenarioReport,
    StepReport,
    SuiteReport,
    violation_reports,
)
from labtrust_core.golden.tool_faults import FaultyTools
from labtrust_core.golden.weakening import check_without, engine_without, weakened
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.load import PARTNERS, SUITE_FOLDER
from labtrust_core.policy.model import Emits, Workflow
from labtrust_core.trust.keys import TestKeyring

TEST_KEYS = Path(SUITE_FOLDER) / "test_keys.v0.1.yaml"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run a suite.

    Attributes:
        sign_placeholders: Replace placeholder signatures by real ones of the keys that the steps
            name.
        only: Ids of the scenarios to run; all of them when empty.
        folder: Where hooks write, a folder a scenario; ``None`` for a temporary one.
        without: Checks that every scenario does without; a check of the suite takes some out.
        crashes: What counts as a failure of the scenario beside the project's own errors; a handler
            may raise anything when it meets what a missing check would have refused.
    """

    sign_placeholders: bool = False
    only: tuple[str, ...] = ()
    folder: Path | None = None
    without: Without = field(default_factory=Without)
    crashes: tuple[type[Exception], ...] = ()


def run_golden(
    suite: Path | None = None,
    *,
    policy_dir: Path | None = None,
    partner: str | None = None,
    domain: Domain | str = DEFAULT_DOMAIN,
    options: RunOptions | None = None,
) -> SuiteReport:
    """Run a suite under a policy.

    Args:
        suite: A suite file or a folder of them; by default the partner's own, where the overlay
            brings one, else the policy's.
        policy_dir: The policy folder; by default the one in force.
        partner: Id of the partner whose overlay applies.
        domain: The domain or its name.
        options: How to run.

    Raises:
        ScenarioError: The suite, or the policy's binding of test keys, is not in the format.
        PolicyError: The policy does not load.
        UnknownNameError: There is no such partner, domain or scenario.
    """
    directory = find_policy_dir(policy_dir)
    policy = open_documents(directory, partner, domain)
    return run_suite(
        read_suite(suite_folder(directory, partner) if suite is None else suite),
        policy,
        read_test_keys(directory / TEST_KEYS),
        options,
    )


def suite_folder(directory: Path, partner: str | None = None) -> Path:
    """Return where the suite of a policy lies, or that of a partner whose overlay brings one."""
    own = directory / PARTNERS / (partner or "") / SUITE_FOLDER
    return own if partner is not None and own.is_dir() else directory / SUITE_FOLDER


def run_suite(
    suite: Suite, policy: OpenedPolicy, keys: TestKeys, options: RunOptions | None = None
) -> SuiteReport:
    """Run the scenarios of ``suite``, each in an episode of its own; a failure stops only its own.

    Args:
        suite: The suite.
        policy: The policy in force.
        keys: Who holds which test key; the keys are registered beside the policy's own.
        options: How to run.

    Raises:
        UnknownNameError: ``options.only`` names a scenario that the suite does not hold.
        SignatureError: A test key has the id of a key in the policy's registry.
        ScenarioError: A scenario does without a check that is not there.
    """
    options = options or RunOptions()
    known = {scenario.scenario_id for scenario in suite.scenarios}
    for name in options.only:
        if name not in known:
            raise UnknownNameError("scenario", name, known)
    recorder = Recorder(policy)
    keyring = TestKeyring(keys.keys, suite.deterministic.rng_seed)
    bench = Bench(suite, policy, keyring, recorder, options)
    chosen = [
        item for item in suite.scenarios if not options.only or item.scenario_id in options.only
    ]
    with folder_for(options.folder) as folder:
        reports = [bench.run(scenario, folder / scenario.scenario_id) for scenario in chosen]
    return SuiteReport(
        suite_version=suite.version,
        policy_fingerprint=policy.compiled.fingerprint,
        partner=policy.compiled.partner,
        scenario_reports=reports,
        coverage=recorder.tables,
    )


@contextmanager
def folder_for(chosen: Path | None) -> Iterator[Path]:
    """Yield the folder that hooks write below: the chosen one, or a temporary one."""
    if chosen is not None:
        yield chosen
        return
    with tempfile.TemporaryDirectory(prefix="labtrust-golden-") as temporary:
        yield Path(temporary)


class Bench:
    """What the scenarios of one run share."""

    def __init__(
        self,
        suite: Suite,
        policy: OpenedPolicy,
        keyring: TestKeyring,
        recorder: Recorder,
        options: RunOptions,
    ) -> None:
        self.suite = suite
        self.recorder = recorder
        self.keyring = keyring
        self.options = options
        self.policy = observed(policy, recorder)
        self.rules = policy.documents.get("workflow", Workflow).actions
        self.keys = policy.compiled.keys.extended(keyring.keys)
        categories = policy.documents.get("emits", Emits).categories
        self.emits = frozenset(name for names in categories.values() for name in names)

    def run(self, scenario: Scenario, folder: Path) -> ScenarioReport:
        """Run one scenario; its hooks write to ``folder``."""
        self.recorder.begin(scenario.scenario_id, is_weakened=bool(scenario.without))
        run = _Run(self, scenario)
        fails: tuple[type[Exception], ...] = (LabTrustError, *self.options.crashes)
        try:
            run.start()
            run.script()
            if not run.failures:
                run.post_run(folder)
        except fails as error:
            run.failures.append(
                Failure(
                    event_id=run.at,
                    reason_code=None,
                    message=str(error),
                    details=type(error).__name__,
                )
            )
        finally:
            run.tools.release()
        return ScenarioReport(
            scenario_id=scenario.scenario_id,
            title=scenario.title,
            passed=not run.failures,
            failures=run.failures,
            step_reports=run.steps,
            skipped_hooks=run.skipped,
        )


@dataclass(slots=True)
class _Run:
    """One scenario while it runs. ``at`` is the id of the step being taken."""

    bench: Bench
    scenario: Scenario
    engine: Engine = field(init=False)
    signer: Signer = field(init=False)
    simulated: bool = False
    lines: list[bytes] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    steps: list[StepReport] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    at: str | None = None
    tools: FaultyTools = field(default_factory=lambda: FaultyTools({}))

    def start(self) -> None:
        bench, scenario = self.bench, self.scenario
        check_without(scenario.without, bench.rules)
        state, config, containment, faults = start_of(scenario, bench.suite, bench.policy)
        self.simulated = config.simulated
        self.tools = FaultyTools(faults)
        self.signer = Signer(
            bench.keyring, config.episode, sign_placeholders=bench.options.sign_placeholders
        )
        removed = (scenario.without, bench.options.without)
        policy = self.tools.installed(weakened(bench.policy, bench.rules, *removed))
        self.engine = engine_without(*removed)(policy)
        self.engine.reset(state, config, keys=bench.keys, sink=self.lines.append)
        self.engine.ctx.trust.containment = containment
        if self.scenario.advance_to is not UNSET:
            self.check(Step(), self.advance(self.scenario.advance_to))

    def script(self) -> None:
        for step in self.scenario.script:
            self.at = step.event_id
            if self.failures:
                return
            if step.advance_to_s is not UNSET:
                self.time_step(step, step.advance_to_s)
            else:
                self.event_step(step)
        self.at = None

    def advance(self, until_s: int) -> Observed:
        before = self.engine.chain.length
        results = self.engine.advance(until_s)
        return observed_advance(results, self.engine.chain.length - before)

    def time_step(self, step: Step, until_s: int) -> None:
        seen = self.advance(until_s)
        self.check(step, seen)
        head = self.engine.head
        self.steps.append(
            StepReport(
                event_id=step.event_id,
                t_s=until_s,
                agent_id=None,
                action_type=None,
                status="ADVANCED",
                hashchain=HashChain(head, self.engine.chain.length, head),
                emits=list(seen.emits),
                violations=[item for result in seen.results for item in violation_reports(result)],
                blocked_reason_code=None,
                token_consumed=[],
                state_assertions_checked=list(step.expect.state_assertions),
            )
        )

    def event_step(self, step: Step) -> None:
        engine = self.engine
        if self.simulated and step.t_s is not UNSET and step.t_s > engine.now:
            self.check(Step(), self.advance(step.t_s))
        raw = self.signer.event_of(step, engine.head) if step.raw is UNSET else step.raw
        length, digest, world = engine.chain.length, engine.digest(), self.world_digest()
        result = engine.step(raw)
        seen = observed_event(result, engine.chain.length - length)
        if result.status == BLOCKED:
            # Enforcement that follows a refusal may change the trust state, never the world.
            followed = bool(result.system_results) or "FORENSIC_FREEZE_LOG" in result.emits
            unchanged = self.world_digest() == world if followed else engine.digest() == digest
            if not unchanged:
                self.fail("the BLOCKED step changed the state", result)
        self.check(step, seen, result)
        self.steps.append(_step_report(step, result))

    def world_digest(self) -> str:
        return self.engine.policy.domain.digest(self.engine.ctx.world)

    def check(self, step: Step, seen: Observed, result: StepResult | None = None) -> None:
        bench = self.bench
        bench.recorder.note_results(seen.results, self.engine.ctx.trust)
        problems = [
            *broken_rules(seen, reason_codes=bench.policy.reason_codes, emits=bench.emits),
            *mismatches(step.expect, seen, self.engine.query, exact=bench.suite.exact),
        ]
        for problem in problems:
            self.fail(problem, result)

    def fail(self, message: str, result: StepResult | None) -> None:
        details = (
            ""
            if result is None or result.detail is None
            else f"{result.blocked_reason_code}: {result.detail}"
        )
        self.failures.append(
            Failure(
                event_id=self.at, reason_code=ASSERTION_FAILED, message=message, details=details
            )
        )

    def post_run(self, folder: Path) -> None:
        self.engine.finish()
        episode = FinishedEpisode(self.scenario, self.engine, tuple(self.lines), folder)
        for name, parameters in hooks_of(self.scenario):
            if name in HOOKS:
                folder.mkdir(parents=True, exist_ok=True)
                HOOKS.get(name)(episode, parameters)
            elif name not in self.skipped:
                self.skipped.append(name)


def _step_report(step: Step, result: StepResult) -> StepReport:
    event = result.event
    return StepReport(
        event_id=step.event_id if event is None else event.event_id,
        t_s=None if event is None else event.t_s,
        agent_id=None if event is None else event.agent_id,
        action_type=None if event is None else event.action_type,
        status=result.status,
        hashchain=result.hashchain,
        emits=list(result.emits),
        violations=violation_reports(result),
        blocked_reason_code=result.blocked_reason_code,
        token_consumed=list(result.token_consumed),
        state_assertions_checked=list(step.expect.state_assertions),
    )
