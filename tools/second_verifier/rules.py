"""Level L2: what follows from log and policy, of every event record.

Written from `docs/reference/evidence.md#l2-rules` alone; nothing of LabTrust is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from second_verifier.bundle import Evidence
from second_verifier.formats import items, number, table, text, texts
from second_verifier.gates import SYSTEM, check_gates
from second_verifier.keys import signer_of
from second_verifier.logs import Failed, require
from second_verifier.receipts import Record, args_of, data_of, event_of, is_accepted, outcome_of
from second_verifier.state import State, action_of, agent_of, book, is_whole

_CARRIED_OUT: Final = {  # policy's word, and the event that carries it out
    "throttle_agent": "THROTTLE_AGENT",
    "kill_switch": "KILL_SWITCH_AGENT",
    "freeze_zone": "KILL_SWITCH_ZONE",
    "stop_device": "KILL_SWITCH_DEVICE",
    "forensic_freeze": "FORENSIC_FREEZE_LOG",
}


def _check_origin(_state: State, record: Record) -> None:
    by_itself = record["origin"] != "agent"
    allowed = record["origin"] != "enforcement" or action_of(record) in _CARRIED_OUT.values()
    system = agent_of(record) == SYSTEM
    good = not by_itself or (system and allowed)
    require(good, "RULE_ORIGIN", f"record {record['seq']} is not of its origin")


def _check_outcome_role(state: State, record: Record) -> None:
    if record["origin"] == "agent" and is_accepted(record):
        same = outcome_of(record).get("role") == state.role(record)
        require(same, "RULE_OUTCOME_ROLE", f"record {record['seq']} states another role")


def _check_reason(state: State, record: Record) -> None:
    reason = outcome_of(record).get("reason")
    known = reason in state.policy("reason_codes", "codes")
    good = reason is None if is_accepted(record) else known
    require(good, "RULE_REASON", f"record {record['seq']}: {reason}")


def _check_tokens(state: State, record: Record) -> None:
    presented = texts(event_of(record).get("token_refs"))
    for name in texts(outcome_of(record).get("tokens_consumed")):
        token = state.tokens.get(name)
        active = not state.complete if token is None else token.state == "ACTIVE"
        good = name in presented and active
        require(good, "RULE_TOKEN", f"record {record['seq']}: {name} could not be used up")
    if is_accepted(record) and action_of(record) == "MINT_TOKEN":
        good = _is_approved(state, record)
        require(
            good, "RULE_TOKEN", f"record {record['seq']}: the token was not approved as it must"
        )


def _is_approved(state: State, record: Record) -> bool:
    args = args_of(record)
    kind = state.policy("tokens", "types", str(args.get("token_type")))
    approvals = items(args.get("approvals"))
    approvers = texts([table(one).get("approver_agent_id") for one in approvals])
    requesters = {args.get("requested_by")}
    if state.policy("dual_approval").get("requester") == "minter":
        requesters.add(agent_of(record))
    return (
        "approvals" in kind
        and len(approvals) == len(approvers) == len(set(approvers)) >= number(kind["approvals"])
        and all(state.roster.get(one) in texts(kind.get("approver_roles")) for one in approvers)
        and not requesters.intersection(approvers)
    )


def _check_invariants(state: State, record: Record) -> None:
    outcome, place = outcome_of(record), f"record {record['seq']}"
    known = state.policy("invariants", "invariants")
    found: list[str] = []
    for violation in map(table, items(outcome.get("violations"))):
        name = str(violation["invariant_id"])
        same = name in known and table(known[name]).get("severity") == violation["severity"]
        require(same, "RULE_INVARIANT", f"{place}: {name} is not so in policy")
        found.append(name)
    if is_accepted(record):
        evaluated = set(found) <= set(texts(outcome.get("evaluated")))
        require(evaluated, "RULE_INVARIANT", f"{place}: a violation was not evaluated")
    elif is_whole(record):
        missing = set(_broken(state, record)) - set(found)
        require(not missing, "RULE_INVARIANT", f"{place} does not say {sorted(missing)}")


def _broken(state: State, record: Record) -> Iterator[str]:
    """Yield the invariants that a refused attempt would have broken, as policy says."""
    action, reason = action_of(record), outcome_of(record).get("reason")
    everywhere = {"*"} if action in state.policy("workflow", "actions") else set()
    for name, entry in state.policy("invariants", "invariants").items():
        triggers = texts(table(entry).get("triggers"))
        triggered = action in triggers or everywhere.intersection(triggers)
        if reason is not None and table(entry).get("reason_code") == reason and triggered:
            yield name


def _check_enforcement(state: State, record: Record, after: list[Record]) -> None:
    if record["origin"] == "enforcement":
        return
    due = list(_due(state, record))
    found = [(action_of(one), args_of(one)) for one in after]
    same = found == due
    require(same, "RULE_ENFORCEMENT", f"record {record['seq']} is not answered by {due}")


def _due(state: State, record: Record) -> Iterator[tuple[str, Record]]:
    """Yield the actions, with their arguments, that must answer the violations of a record."""
    outcome, enforcement = outcome_of(record), state.policy("enforcement")
    agent: str | None = agent_of(record)
    unproven = state.config["signatures_required"] or str(outcome.get("reason")).startswith("SIG_")
    if record["origin"] == "agent" and unproven:
        agent = signer_of(state.evidence, record)
    violations = [table(one) for one in items(outcome.get("violations"))]
    if agent is None or not is_whole(record) or enforcement.get("enabled") is not True:
        return
    for name, rule in state.enforcement_rules:
        reason = next((one for one in violations if _matches(state, rule, one)), None)
        if reason is None:
            continue
        state.charges[agent, name] += 1
        tier = _tier(rule, state.charges[agent, name])
        target = _target(tier, agent, reason)
        if target is not None:
            yield (
                _CARRIED_OUT[str(tier["action"])],
                {
                    "type": tier["action"],
                    "rule_id": name,
                    "reason_code": reason.get("reason_code"),
                    "target": target,
                    "duration_s": tier.get("duration_s"),
                },
            )


def _matches(state: State, rule: Record, violation: Record) -> bool:
    match, name = table(rule.get("match")), violation.get("invariant_id")
    scope = state.policy("invariants", "invariants", str(name)).get("scope")
    pairs = (("invariant_ids", name), ("severities", violation.get("severity")), ("scopes", scope))
    return all(not match.get(listed) or value in items(match[listed]) for listed, value in pairs)


def _tier(rule: Record, count: int) -> Record:
    """Return the highest tier that a count reaches, or an empty one."""
    tiers = [table(tier) for tier in items(rule.get("tiers"))]
    reached = [tier for tier in tiers if number(tier.get("count")) <= count]
    return max(reached, key=lambda tier: number(tier.get("count")), default={})


def _target(tier: Record, agent: str, reason: Record) -> str | None:
    targets = {
        "freeze_zone": text(tier.get("zone_id")),
        "stop_device": text(reason.get("subject")),
        "forensic_freeze": "ledger",
        "throttle_agent": None if agent == SYSTEM else agent,
        "kill_switch": None if agent == SYSTEM else agent,
    }
    return targets.get(str(tier.get("action")))


def _check_lifecycle(state: State, record: Record) -> None:
    if not state.is_laboratory or not is_accepted(record):
        return
    data, place, done = (
        data_of(record),
        f"record {record['seq']}",
        ("released", "superseded", "amended"),
    )
    if action_of(record) == "GENERATE_RESULT":
        for name in texts([args_of(record).get("result_id")]):
            require(name not in state.results, "RULE_LIFECYCLE", f"{place}: {name} came twice")
            state.results[name] = "generated"
    for name in texts(data.get("released_results")):
        there = name in state.results or not state.complete
        open_ = there and state.results.get(name) not in done
        require(open_, "RULE_LIFECYCLE", f"{place}: {name} could not be released")
    for word in done:
        state.results |= dict.fromkeys(texts(data.get(f"{word}_results")), word)
    for name in texts(data.get("specimen_ids")):
        require(name not in state.specimens, "RULE_LIFECYCLE", f"{place}: {name} came twice")
        state.specimens.add(name)


_CHECKS: Final = (
    _check_origin,
    _check_outcome_role,
    _check_reason,
    _check_tokens,
    _check_invariants,
)


def check_rules(evidence: Evidence) -> None:
    """Check level L2."""
    state, events = State(evidence), evidence.events
    if events and events[0]["origin"] == "enforcement":
        raise Failed("RULE_ENFORCEMENT", "the first event answers nothing")
    for place, record in enumerate(events):
        if record["origin"] == "agent":
            check_gates(state, record)
        for check in _CHECKS:
            check(state, record)
        following = takewhile(lambda one: one["origin"] == "enforcement", events[place + 1 :])
        _check_enforcement(state, record, list(following))
        _check_lifecycle(state, record)
        book(state, record)
