"""What golden scenarios reach, out of everything that policy and code know.

Everything that can be reached is a row of a table from the start, so that what no scenario reaches
shows as an empty cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from labtrust_core.domains import OpenedPolicy
from labtrust_core.engine.actions import ENGINE_EMITS
from labtrust_core.engine.compiled import CompiledAction, CompiledPolicy
from labtrust_core.engine.context import AnyContext, TrustState
from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.engine.references import live_reason_codes
from labtrust_core.event import ACCEPTED, Blocked, Event, StepResult
from labtrust_core.golden.refusal_codes import HANDLER, refusal_row, refusal_rows
from labtrust_core.golden.report import Coverage
from labtrust_core.policy.model import ActionRule, Workflow
from labtrust_core.trust.enforcement import ENFORCEMENT_ACTIONS

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "actions": ("accepted", "blocked"),
    "system_actions": ("accepted",),
    "guards": ("passed", "refused"),
    "refusals": ("reached",),
    "reason_codes": ("reached",),
    "invariants": ("pass", "violation", "accepted_violation"),
    "tokens": ("minted", "consumed"),
    "enforcement": ("reached",),
    "emits": ("reached",),
}
"""Table to its columns.

A row of ``refusals`` is ``ACTION guard CODE``. An ``accepted_violation`` is one of an event that
took effect: the invariant found it by itself; no refusal stood for it.
"""

WEAKENED: Final = frozenset({"invariants"})
"""Tables that a scenario counts in that does without some checks."""


class Recorder:
    """Notes which scenario reaches what.

    Attributes:
        tables: Table to row to column to the ids of scenarios, in the order in which they ran.
        scenario_id: The scenario that runs now.
        is_weakened: Whether it does without some checks.
    """

    def __init__(self, policy: OpenedPolicy) -> None:
        self.begin("", is_weakened=False)
        rows = _rows(policy)
        self.tables: Coverage = {
            table: {row: {column: [] for column in columns} for row in sorted(rows[table])}
            for table, columns in COLUMNS.items()
        }

    def begin(self, scenario_id: str, *, is_weakened: bool) -> None:
        """Note from now on what this scenario reaches."""
        self.scenario_id = scenario_id
        self.is_weakened = is_weakened

    def note(self, table: str, row: str, column: str) -> None:
        """Note that the running scenario reaches a cell; there need not be such a row."""
        if self.is_weakened and table not in WEAKENED:
            return
        cell = self.tables[table].get(row, {}).get(column)
        if cell is not None and self.scenario_id not in cell:
            cell.append(self.scenario_id)

    def note_results(self, results: Iterable[StepResult], trust: TrustState) -> None:
        """Note what results reach; ``trust`` is the trust state after them."""
        for result in results:
            self._note_action(result)
            self._note_names(result)
            self._note_tokens(result, trust)

    def _note_action(self, result: StepResult) -> None:
        if result.event is not None:
            table = "actions" if result.origin == "agent" else "system_actions"
            self.note(table, result.event.action_type, result.status.lower())

    def _note_names(self, result: StepResult) -> None:
        codes = (result.blocked_reason_code, *(item.reason_code for item in result.violations))
        for code in (*codes, *_texts(result.data)):
            if code is not None:
                self.note("reason_codes", code, "reached")
        violated = {item.invariant_id for item in result.violations}
        for name in (*violated, *result.evaluated):
            self.note("invariants", name, "violation" if name in violated else "pass")
        for name in violated if result.status == ACCEPTED else ():
            self.note("invariants", name, "accepted_violation")
        for name in result.emits:
            self.note("emits", name, "reached")
        for item in result.enforcements:
            self.note("enforcement", item["type"], "reached")

    def _note_tokens(self, result: StepResult, trust: TrustState) -> None:
        minted = result.data.get("token_id") if "MINT_TOKEN" in result.emits else None
        if isinstance(minted, str) and minted in trust.tokens:
            self.note("tokens", trust.tokens[minted].token_type, "minted")
        for token_id in result.token_consumed:
            self.note("tokens", trust.tokens[token_id].token_type, "consumed")


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a step's data, where handlers state reasons that refuse nothing."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows are reached in a table's column; ``missing``: those that are not."""

    table: str
    column: str
    reached: int
    rows: int
    missing: tuple[str, ...]


def totals(coverage: Coverage) -> list[Total]:
    """Return the totals of every table and column."""
    found: list[Total] = []
    for table, columns in COLUMNS.items():
        rows = coverage[table]
        for column in columns:
            missing = tuple(row for row, cells in rows.items() if not cells[column])
            found.append(Total(table, column, len(rows) - len(missing), len(rows), missing))
    return found


def observed(policy: OpenedPolicy, recorder: Recorder) -> CompiledPolicy:
    """Return the policy with every guard telling ``recorder`` whether it passed or refused."""
    rules = policy.documents.get("workflow", Workflow).actions
    actions = {
        name: _observed_action(name, action, rules[name], recorder)
        for name, action in policy.compiled.actions.items()
    }
    return replace(policy.compiled, actions=actions)


def _observed_action(
    name: str, action: CompiledAction, rule: ActionRule, recorder: Recorder
) -> CompiledAction:
    def watched(names: list[str], guards: tuple[Guard, ...]) -> tuple[Guard, ...]:
        return tuple(
            _observed_guard(name, *pair, recorder) for pair in zip(names, guards, strict=True)
        )

    return replace(
        action,
        guards=watched(rule.guards, action.guards),
        early_guards=watched(rule.early_guards, action.early_guards),
        handler=_observed_handler(name, action.handler, recorder),
    )


def _observed_guard(action: str, name: str, guard: Guard, recorder: Recorder) -> Guard:
    def observing(ctx: AnyContext, event: Event) -> None:
        try:
            guard(ctx, event)
        except Blocked as blocked:
            recorder.note("guards", name, "refused")
            recorder.note("refusals", refusal_row(action, name, blocked.code), "reached")
            raise
        recorder.note("guards", name, "passed")

    return observing


def _observed_handler(action: str, handler: Handler, recorder: Recorder) -> Handler:
    def observing(ctx: AnyContext, event: Event) -> None:
        try:
            handler(ctx, event)
        except Blocked as blocked:
            recorder.note("refusals", refusal_row(action, HANDLER, blocked.code), "reached")
            raise

    return observing


def _rows(policy: OpenedPolicy) -> dict[str, Iterable[str]]:
    compiled = policy.compiled
    domain = compiled.domain
    actions = policy.documents.get("workflow", Workflow).actions
    rules = actions.values()
    return {
        "actions": compiled.actions,
        "system_actions": compiled.system_actions,
        "guards": {name for rule in rules for name in (*rule.guards, *rule.early_guards)},
        "refusals": refusal_rows(compiled, actions),
        "reason_codes": live_reason_codes(policy.documents, domain),
        "invariants": compiled.invariants.all,
        "tokens": compiled.tokens,
        "enforcement": ENFORCEMENT_ACTIONS,
        "emits": ENGINE_EMITS | domain.emitted,
    }
