"""Level L2 for the second verifier: rules, recomputed from log and policy.

Written from `docs/reference/evidence.md#l2-rules` alone; nothing of LabTrust is imported. The gates
are asked in the order of `_GATES`, and every record is then put to `_CHECKS`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Final, NamedTuple

import independent_shapes as shapes
from independent_bundle import Evidence
from independent_formats import Json, fits, items, number, table, text, texts
from independent_logs import Failed, require
from independent_receipts import Record, args_of, data_of, event_of, is_accepted, outcome_of

SYSTEM: Final = "SYSTEM"
_CARRIED_OUT: Final = {  # policy's word, and the event that carries it out
    "throttle_agent": "THROTTLE_AGENT",
    "kill_switch": "KILL_SWITCH_AGENT",
    "freeze_zone": "KILL_SWITCH_ZONE",
    "stop_device": "KILL_SWITCH_DEVICE",
    "forensic_freeze": "FORENSIC_FREEZE_LOG",
}
_STOPS: Final = {"KILL_SWITCH_AGENT": "AGENT_KILLED", "THROTTLE_AGENT": "AGENT_THROTTLED"}
_SIGNATURE_REASON: Final = {
    "AGENT_SIGNATURE_MISSING": "SIG_MISSING",
    "AGENT_KEY_UNKNOWN": "SIG_INVALID",
    "AGENT_KEY_MISMATCH": "SIG_ROLE_MISMATCH",
    "AGENT_SIGNATURE_BAD": "SIG_INVALID",
    "AGENT_HEAD_STALE": "SIG_STALE_HEAD",
}
_NEVER_FALSE: Final = {
    "RC_TIME_NOT_MONOTONIC",
    "RC_EVENT_DUPLICATE",
    "AGENT_KILLED",
    "AGENT_THROTTLED",
    "AGENT_RATE_LIMIT",
    "AGENT_OVERRIDE_BUDGET_EXCEEDED",
    "SIG_MISSING",
    "SIG_STALE_HEAD",
}

Fault = Callable[[Evidence, Record, str | None], str | None]


class Token(NamedTuple):
    """A token: its type, its first and last second, and whether it is still active."""

    kind: str
    first: int
    last: int
    state: str


class Signing(NamedTuple):
    """What level L1 knows about signatures of agents.

    Attributes:
        fault: The code of what is wrong with an event's signature for an agent in a role, or None.
        signer: The agent whose key made the signature, or None.
    """

    fault: Fault
    signer: Callable[[Evidence, Record], str | None]


class State:
    """What the accepted records so far have left."""

    def __init__(self, evidence: Evidence, signing: Signing) -> None:
        start, scenario = evidence.start, table(evidence.start["scenario"])
        self.evidence, self.signing = evidence, signing
        self.config = table(start["config"])
        self.complete = (
            start["scenario"] is not None
        )  # whether the log says what was there at first
        self.roster = {agent: text(role) for agent, role in table(start["roster"]).items()}
        self.is_laboratory = start["domain"] == "hospital_lab"
        self.now = 0
        self.frozen = False
        self.ids: set[Json] = set()
        self.stops: dict[tuple[str, str], float] = {}  # action and agent, to the first free second
        self.actions: Counter[tuple[str, int]] = Counter()  # by agent and window
        self.overrides: Counter[str] = Counter()
        self.charges: Counter[tuple[str, str]] = Counter()  # by agent and rule
        self.tokens: dict[str, Token] = {}
        for item in map(table, items(scenario.get("tokens"))):
            times = (number(item.get("issued_at_ts_s")), number(item.get("expires_at_ts_s")))
            state = text(item.get("state")) or "ACTIVE"
            self.tokens[str(item.get("token_id"))] = Token(
                str(item.get("token_type")), *times, state
            )
        self.results: dict[str, str] = {}
        for item in map(table, items(scenario.get("results"))):
            self.results[str(item.get("result_id"))] = str(item.get("status")).lower()
        specimens = map(table, items(scenario.get("specimens")))
        self.specimens = {str(item.get("specimen_id")) for item in specimens}

    def policy(self, document: str, *path: str) -> Record:
        """Return an object in a document of the policy; an empty one where there is none."""
        found = table(self.evidence.documents.get(document))
        for name in path:
            found = table(found.get(name))
        return found

    def rule_of(self, record: Record) -> Record:
        """Return what the workflow says of a record's action."""
        return self.policy("workflow", "actions", action_of(record))

    def role(self, record: Record) -> str | None:
        """Return the role of a record's agent."""
        return self.roster.get(agent_of(record))


def action_of(record: Record) -> str:
    """Return the type of a record's action."""
    return str(event_of(record).get("action_type"))


def agent_of(record: Record) -> str:
    """Return the agent of a record's event."""
    return str(event_of(record).get("agent_id"))


def second_of(record: Record) -> int:
    """Return the second that an event names."""
    return number(event_of(record).get("t_s"))


def is_whole(record: Record) -> bool:
    """Whether a record holds an event, not what was none."""
    return outcome_of(record).get("reason") != "RC_EVENT_MALFORMED" and fits(
        record["event"], shapes.EVENT
    )


# --- the gates: each returns the reason that it refuses with, or None ---


def _time(state: State, record: Record) -> str | None:
    second = second_of(record)
    good = second == record["t"] if state.config["simulated"] else second >= state.now
    return None if good else "RC_TIME_NOT_MONOTONIC"


def _identity(state: State, record: Record) -> str | None:
    return "RC_EVENT_DUPLICATE" if event_of(record)["event_id"] in state.ids else None


def _containment(state: State, record: Record) -> str | None:
    for action, reason in _STOPS.items():
        if second_of(record) < state.stops.get((action, agent_of(record)), 0):
            return reason
    return None


def _role(state: State, record: Record) -> str | None:
    role = state.policy("rbac", "roles", str(state.role(record)))
    args, rule = args_of(record), state.rule_of(record)
    if action_of(record) not in texts(role.get("actions")):
        return "RBAC_ACTION_DENY"
    for argument, places, reason in (
        ("device_id", "devices", "RBAC_DEVICE_DENY"),
        ("to_zone", "zones", "RBAC_ZONE_DENY"),
    ):
        listed = role.get(places)
        if listed is not None and argument in args and args[argument] not in texts(listed):
            return reason
    known = action_of(record) in state.policy("workflow", "actions")
    reserved = rule.get("runtime_control") is True and agent_of(record) != SYSTEM
    return None if known and not reserved else "RBAC_ACTION_DENY"


def _capability(state: State, record: Record) -> str | None:
    if state.rule_of(record).get("runtime_control") is True:
        return None
    profiles, action = state.policy("capabilities", "profiles"), action_of(record)
    profile, agent, event = (
        profiles.get(str(state.role(record))),
        agent_of(record),
        event_of(record),
    )
    limits = table(profile)
    overrides = texts(state.policy("capabilities").get("override_actions"))
    reasoned = event.get("reason_code") and event.get("rationale")
    if profile is None:
        return "AGENT_CAPABILITY_DENY"
    if state.actions[agent, _window(state, record)] >= number(limits.get("max_actions_per_window")):
        return "AGENT_RATE_LIMIT"
    if action in overrides and state.overrides[agent] >= number(limits.get("max_overrides")):
        return "AGENT_OVERRIDE_BUDGET_EXCEEDED"
    if action in texts(limits.get("high_risk_actions")) and not reasoned:
        return "AGENT_CAPABILITY_DENY"
    return None


def _window(state: State, record: Record) -> int:
    return second_of(record) // max(1, number(state.policy("capabilities").get("window_s")))


def _signature(state: State, record: Record) -> str | None:
    fault = state.signing.fault(state.evidence, record, state.role(record))
    if fault != "AGENT_KEY_VALIDITY":
        return _SIGNATURE_REASON[fault] if fault else None
    key = table(table(state.evidence.start["keys"])[str(event_of(record)["key_id"])])
    first = key["not_before_s"]
    early = key["status"] == "ACTIVE" and first is not None and second_of(record) < number(first)
    late = "SIG_KEY_REVOKED" if key["status"] == "REVOKED" else "SIG_KEY_EXPIRED"
    return "SIG_KEY_NOT_YET_VALID" if early else late


def _tokens(state: State, record: Record) -> str | None:
    for name in texts(event_of(record).get("token_refs")):
        token = state.tokens.get(name)
        if token is None and not state.complete:
            continue
        if token is not None and token.state == "REVOKED":
            return "INV-TOK-006"
        if token is None or token.state != "ACTIVE":
            return "INV-TOK-002"
        if not token.first <= second_of(record) <= token.last:
            return "INV-TOK-002"
        if action_of(record) not in texts(
            state.policy("tokens", "types", token.kind).get("actions")
        ):
            return "INV-TOK-003"
    return None


_GATES: Final = (
    ("RULE_TIME", _time),
    ("RULE_IDENTITY", _identity),
    ("RULE_CONTAINMENT", _containment),
    ("RULE_ROLE", _role),
    ("RULE_CAPABILITY", _capability),
    ("RULE_SIGNATURE", _signature),
    ("RULE_TOKEN", _tokens),
)
_DOMAINS_SAY: Final = {  # a refusal that only the domain can judge ends the comparison at this gate
    "RULE_CAPABILITY": "RBAC_DUTY_CONFLICT",
    "RULE_TOKEN": "INV-TOK-003",
}


def _check_gates(state: State, record: Record) -> None:
    reason, place = outcome_of(record).get("reason"), f"record {record['seq']}"
    if state.frozen:
        require(reason == "AUDIT_CHAIN_BROKEN", "RULE_FROZEN", f"{place}: the ledger is frozen")
    if state.frozen or not is_whole(record):
        return
    blocked = not is_accepted(record)
    for code, gate in _GATES:
        if blocked and reason == _DOMAINS_SAY.get(code, ""):
            return
        expected = gate(state, record)
        if expected is not None:
            early = blocked and items(state.rule_of(record).get("early_guards"))
            require(reason == expected or early, code, f"{place}: {reason}, expected {expected}")
            return
    require(reason not in _NEVER_FALSE, "RULE_FALSE_REFUSAL", f"{place}: {reason}, without cause")


# --- what else follows, of every event record ---


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
        agent = state.signing.signer(state.evidence, record)
    violations = [table(one) for one in items(outcome.get("violations"))]
    if agent is None or not is_whole(record) or enforcement.get("enabled") is not True:
        return
    for name, rule in table(enforcement.get("rules")).items():
        reason = next((one for one in violations if _matches(state, table(rule), one)), None)
        if reason is None:
            continue
        state.charges[agent, name] += 1
        tier = _tier(table(rule), state.charges[agent, name])
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


# --- all of it ---


def _book(state: State, record: Record) -> None:
    """Keep what a record leaves for those after it."""
    state.now = number(record["t"])
    state.frozen |= "FORENSIC_FREEZE_LOG" in texts(outcome_of(record).get("emits"))
    if is_whole(record):
        state.ids.add(event_of(record)["event_id"])
    if is_accepted(record):
        overrides = texts(state.policy("capabilities").get("override_actions"))
        if record["origin"] == "agent":
            state.actions[agent_of(record), _window(state, record)] += 1
            state.overrides[agent_of(record)] += action_of(record) in overrides
        for name in texts(outcome_of(record).get("tokens_consumed")):
            _change(state, name, "CONSUMED")
        effect = _EFFECTS.get(action_of(record))
        if effect is not None:
            effect(state, record, args_of(record))


def _stop(state: State, record: Record, args: Record) -> None:
    duration, stop = args.get("duration_s"), (action_of(record), str(args.get("target")))
    until = float("inf") if duration is None else state.now + number(duration)
    state.stops[stop] = max(until, state.stops.get(stop, 0))


def _lift(state: State, _record: Record, args: Record) -> None:
    if args.get("target_type") == "agent":
        for action in _STOPS:
            state.stops.pop((action, str(args.get("target_id"))), None)


def _mint(state: State, record: Record, args: Record) -> None:
    kind, name = str(args.get("token_type")), str(data_of(record).get("token_id"))
    last = state.now + number(state.policy("tokens", "types", kind).get("ttl_s"))
    state.tokens[name] = Token(kind, state.now, last, "ACTIVE")


def _revoke(state: State, _record: Record, args: Record) -> None:
    _change(state, str(args.get("token_id")), "REVOKED")


def _update_roster(state: State, _record: Record, args: Record) -> None:
    state.roster |= {name: text(role) for name, role in table(args.get("roster")).items()}


def _change(state: State, name: str, to: str) -> None:
    if name in state.tokens:
        state.tokens[name] = state.tokens[name]._replace(state=to)


_EFFECTS: Final = {
    **dict.fromkeys(_STOPS, _stop),
    "LIFT_ENFORCEMENT": _lift,
    "MINT_TOKEN": _mint,
    "REVOKE_TOKEN": _revoke,
    "UPDATE_ROSTER": _update_roster,
}
_CHECKS: Final = (
    _check_origin,
    _check_outcome_role,
    _check_reason,
    _check_tokens,
    _check_invariants,
)


def check_rules(evidence: Evidence, signing: Signing) -> None:
    """Check level L2."""
    state, events = State(evidence, signing), evidence.events
    if events and events[0]["origin"] == "enforcement":
        raise Failed("RULE_ENFORCEMENT", "the first event answers nothing")
    for place, record in enumerate(events):
        if record["origin"] == "agent":
            _check_gates(state, record)
        for check in _CHECKS:
            check(state, record)
        following = takewhile(lambda one: one["origin"] == "enforcement", events[place + 1 :])
        _check_enforcement(state, record, list(following))
        _check_lifecycle(state, record)
        _book(state, record)
