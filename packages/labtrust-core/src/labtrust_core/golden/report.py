"""The runner output contract, as types: what a golden run reports."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec

from labtrust_core.event import HashChain, StepResult

ASSERTION_FAILED: Final = "RUNNER_ASSERTION_FAILED"

Coverage: TypeAlias = dict[str, dict[str, dict[str, list[str]]]]
"""Table to row to column to the ids of the scenarios that reach it."""


class Reported(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every part of a report."""


class ViolationReport(Reported, frozen=True, kw_only=True):
    """One violated invariant."""

    invariant_id: str
    status: Literal["VIOLATION"]
    reason_code: str | None
    subject: str | None


class StepReport(Reported, frozen=True, kw_only=True):
    """One step that was taken. ``t_s`` and the names are null where a raw step held none."""

    event_id: str
    t_s: int | None
    agent_id: str | None
    action_type: str | None
    status: Literal["ACCEPTED", "BLOCKED", "ADVANCED"]
    hashchain: HashChain
    emits: list[str]
    violations: list[ViolationReport]
    blocked_reason_code: str | None
    token_consumed: list[str]
    state_assertions_checked: list[str]


class Failure(Reported, frozen=True, kw_only=True):
    """One thing that is not as expected. ``event_id`` is null where it concerns no step.

    ``reason_code`` is ``RUNNER_ASSERTION_FAILED`` where an expectation did not hold, and null where
    the scenario could not be carried out.
    """

    event_id: str | None
    reason_code: str | None
    message: str
    details: str


class ScenarioReport(Reported, frozen=True, kw_only=True):
    """One scenario. ``skipped_hooks``: hooks that no installed distribution provides."""

    scenario_id: str
    title: str
    passed: bool
    failures: list[Failure]
    step_reports: list[StepReport]
    skipped_hooks: list[str]


class SuiteReport(Reported, frozen=True, kw_only=True):
    """A whole run. ``coverage``: what the scenarios reach of all that policy and code know."""

    suite_version: str
    policy_fingerprint: str
    partner: str | None
    scenario_reports: list[ScenarioReport]
    coverage: Coverage

    @property
    def passed(self) -> bool:
        """Whether every scenario passed."""
        return all(report.passed for report in self.scenario_reports)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, which ``runner_output_contract.v0.1.schema.json`` describes."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


def violation_reports(result: StepResult) -> list[ViolationReport]:
    """Return the violations of a step in the form of the report."""
    return [
        ViolationReport(
            invariant_id=item.invariant_id,
            status="VIOLATION",
            reason_code=item.reason_code,
            subject=item.subject,
        )
        for item in result.violations
    ]
