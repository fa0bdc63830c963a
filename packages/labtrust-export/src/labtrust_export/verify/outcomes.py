"""Level L2, second half: what an outcome says and what follows from it, held against policy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from labtrust_core.event import SYSTEM_AGENT, Event
from labtrust_core.trust.enforcement import ENFORCEMENT_ACTIONS, reactions

from labtrust_export.statement import EPISODE_LOG
from labtrust_export.verify.records import Step
from labtrust_export.verify.report import FaultError
from labtrust_export.verify.rule_state import RuleState, stated, text_of

_LABORATORY: Final = "hospital_lab"
_OVER: Final = frozenset({"released", "superseded", "amended"})
_REACTIONS: Final = frozenset(ENFORCEMENT_ACTIONS.values())


class OutcomeRules:
    """The rules of outcomes, record by record."""

    def __init__(self, state: RuleState) -> None:
        self._state = state
        self._due: deque[dict[str, Any]] = deque()  # enforcement that has still to follow
        self._lives = Lives(state) if state.start.domain == _LABORATORY else None

    def check_followed(self, step: Step | None, record: int) -> None:
        """Check that the next record is the enforcement that is due, and none where none is.

        Args:
            step: The next event record; None for the end.
            record: Number of the next record.

        Raises:
            FaultError: ``RULE_ENFORCEMENT``.
        """
        comes = step is not None and step.record.origin == "enforcement"
        if not comes and not self._due:
            return
        expected = self._due.popleft() if self._due else None
        wanted = "none" if expected is None else f"{expected['type']} on {expected['target']}"
        event = None if step is None or not comes else step.event
        fits = (
            event is not None
            and expected is not None
            and event.action_type == ENFORCEMENT_ACTIONS[expected["type"]]
            and event.args == expected
        )
        if not fits:
            found = "no" if event is None else event.action_type
            message = f"{found} enforcement follows here; expected {wanted}"
            raise FaultError("RULE_ENFORCEMENT", message, file=EPISODE_LOG, record=record)

    def check(self, step: Step) -> None:
        """Check one record, and note the enforcement that must follow it.

        Raises:
            FaultError: One of the codes of the page's last table of rules.
        """
        event = step.event
        if event is None:
            _check_reason(self._state, step, None)
            return
        for rule in _RULES:
            rule(self._state, step, event)
        self._due.extendleft(reversed(self._reactions(step, event)))
        if self._lives is not None and step.accepted:
            self._lives.take(step, event)

    def _reactions(self, step: Step, event: Event) -> list[dict[str, Any]]:
        state = self._state
        agent_id: str | None = event.agent_id
        reason = step.outcome.reason or ""
        if step.by_agent and (state.start.config.signatures_required or reason.startswith("SIG_")):
            agent_id = state.signatures.signer(step.record, event)
        if not step.outcome.violations or agent_id is None:
            return []
        tables = state.tables
        return reactions(
            tables.enforcement,
            tables.scopes,
            agent_id,
            step.outcome.violations,
            state.containment,
        )


class Lives:
    """What became of results and specimens, as far as nothing can become of them twice."""

    def __init__(self, state: RuleState) -> None:
        scenario = state.start.scenario
        self._whole = state.whole
        self._results: dict[str, str] = {}
        for item in stated(scenario, "results"):
            status = text_of(item, "status")
            self._results[text_of(item, "result_id")] = status if status in _OVER else "there"
        self._specimens = {text_of(item, "specimen_id") for item in stated(scenario, "specimens")}

    def take(self, step: Step, event: Event) -> None:
        """Check and book an accepted record.

        Raises:
            FaultError: ``RULE_LIFECYCLE``.
        """
        data = step.outcome.data
        if event.action_type == "GENERATE_RESULT":
            result_id = event.args.get("result_id")
            if isinstance(result_id, str):
                self._generate(step, result_id)
        for specimen_id in _texts(data, "specimen_ids"):
            if specimen_id in self._specimens:
                raise _fault("RULE_LIFECYCLE", step, f"specimen {specimen_id} comes twice")
            self._specimens.add(specimen_id)
        for result_id in _texts(data, "released_results"):
            self._release(step, result_id)
        for fate in ("superseded", "amended"):
            for result_id in _texts(data, f"{fate}_results"):
                self._results[result_id] = fate

    def _generate(self, step: Step, result_id: str) -> None:
        if result_id in self._results:
            raise _fault("RULE_LIFECYCLE", step, f"result {result_id} is generated twice")
        self._results[result_id] = "there"

    def _release(self, step: Step, result_id: str) -> None:
        now = self._results.get(result_id, "not there" if self._whole else "there")
        if now != "there":
            message = f"result {result_id} is released and was {now}"
            raise _fault("RULE_LIFECYCLE", step, message)
        self._results[result_id] = "released"


def _texts(data: dict[str, Any], name: str) -> list[str]:
    values = data.get(name)
    return [item for item in values if isinstance(item, str)] if isinstance(values, list) else []


def _check_reason(state: RuleState, step: Step, _event: Event | None) -> None:
    reason = step.outcome.reason
    if step.accepted == (reason is not None):
        message = f"the outcome is {step.outcome.status} with reason {reason}"
        raise _fault("RULE_REASON", step, message)
    if reason is not None and reason not in state.tables.policy.reason_codes.codes:
        raise _fault("RULE_REASON", step, f"{reason} is no reason code of the policy")


def _check_origin(_state: RuleState, step: Step, event: Event) -> None:
    origin = step.record.origin
    if origin == "agent":
        return
    if event.agent_id != SYSTEM_AGENT:
        message = f"an event of origin {origin} is by {event.agent_id}, expected {SYSTEM_AGENT}"
        raise _fault("RULE_ORIGIN", step, message)
    if origin == "enforcement" and event.action_type not in _REACTIONS:
        raise _fault("RULE_ORIGIN", step, f"{event.action_type} is no enforcement")


def _check_role(state: RuleState, step: Step, event: Event) -> None:
    held = state.signatures.roster.get(event.agent_id)
    if step.by_agent and step.accepted and step.outcome.role != held:
        message = f"accepted as {step.outcome.role}; {event.agent_id} holds {held}"
        raise _fault("RULE_OUTCOME_ROLE", step, message)


def _check_consumed(state: RuleState, step: Step, event: Event) -> None:
    for token_id in step.outcome.tokens_consumed:
        token = state.tokens.get(token_id)
        active = token.state == "ACTIVE" if token is not None else not state.whole
        if token_id not in event.token_refs or not active:
            message = f"token {token_id} is consumed, and was not presented or is not active"
            raise _fault("RULE_TOKEN", step, message)


def _check_minting(state: RuleState, step: Step, event: Event) -> None:
    """Check the approvals of an accepted minting: enough, distinct, entitled, not one's own."""
    if event.action_type != "MINT_TOKEN" or not step.accepted:
        return
    policy = state.tables.policy
    kind = policy.tokens.types.get(event.text("token_type"))
    if kind is None:
        raise _fault("RULE_TOKEN", step, "a token of a type that policy does not know is minted")
    approvals = event.args.get("approvals")
    named = [
        item.get("approver_agent_id") if isinstance(item, dict) else None
        for item in (approvals if isinstance(approvals, list) else [])
    ]
    requesters = {event.text("requested_by")}
    if policy.dual_approval.requester == "minter":
        requesters.add(event.agent_id)
    texts = [item for item in named if isinstance(item, str)]
    roles = {state.signatures.roster.get(item, "") for item in texts}
    good = (
        len(texts) == len(named) == len(set(texts))
        and len(named) >= kind.approvals
        and roles <= set(kind.approver_roles)
        and requesters.isdisjoint(texts)
    )
    if not good:
        message = (
            f"minted with the approvals of {', '.join(texts) or 'nobody'}; expected "
            f"{kind.approvals} other agents in {', '.join(kind.approver_roles)}"
        )
        raise _fault("RULE_TOKEN", step, message)


def _check_invariants(state: RuleState, step: Step, event: Event) -> None:
    known = state.tables.policy.invariants.invariants
    outcome = step.outcome
    for item in outcome.violations:
        entry = known.get(item.invariant_id)
        if entry is None or entry.severity != item.severity:
            message = f"violation {item.invariant_id} ({item.severity}) is not one of the policy"
            raise _fault("RULE_INVARIANT", step, message)
        if step.accepted and item.invariant_id not in outcome.evaluated:
            message = f"violation {item.invariant_id} was not evaluated"
            raise _fault("RULE_INVARIANT", step, message)
    if not step.accepted:
        named = {item.invariant_id for item in outcome.violations}
        needed = state.tables.refusals.get((event.action_type, outcome.reason or ""), ())
        for invariant_id in needed:
            if invariant_id not in named:
                message = f"refused with {outcome.reason} and no violation of {invariant_id}"
                raise _fault("RULE_INVARIANT", step, message)


_RULES: Final[tuple[Callable[[RuleState, Step, Event], None], ...]] = (
    _check_origin,
    _check_role,
    _check_reason,
    _check_consumed,
    _check_minting,
    _check_invariants,
)


def _fault(code: str, step: Step, message: str) -> FaultError:
    return FaultError(code, message, file=EPISODE_LOG, record=step.record.seq)
