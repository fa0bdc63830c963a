"""What the records of a log leave for those after them, as the rules of level L2 see it.

Written from `docs/reference/evidence.md#l2-rules` alone; nothing of LabTrust is imported.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from second_verifier import shapes
from second_verifier.bundle import Evidence
from second_verifier.formats import Json, fits, items, number, table, text, texts
from second_verifier.receipts import (
    Record,
    args_of,
    data_of,
    event_of,
    is_accepted,
    outcome_of,
)

STOPS: Final = {"KILL_SWITCH_AGENT": "AGENT_KILLED", "THROTTLE_AGENT": "AGENT_THROTTLED"}


class Token(NamedTuple):
    """A token: its type, its first and last second, and whether it is still active."""

    kind: str
    first: int
    last: int
    state: str


class State:
    """What the accepted records so far have left."""

    def __init__(self, evidence: Evidence) -> None:
        start, scenario = evidence.start, table(evidence.start["scenario"])
        self.evidence = evidence
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

    @property
    def enforcement_rules(self) -> list[tuple[str, Record]]:
        """Names and rules of enforcement, in the order of the policy."""
        rules = self.policy("enforcement", "rules")
        stated = [table(item) for item in items(self.evidence.policy["order"])]
        listed = [item["keys"] for item in stated if item["path"] == ["enforcement", "rules"]]
        return [(name, table(rules[name])) for name in (texts(listed[0]) if listed else rules)]

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


def window_of(state: State, record: Record) -> int:
    """Return the window of the rate limit that a record falls into."""
    return second_of(record) // max(1, number(state.policy("capabilities").get("window_s")))


def book(state: State, record: Record) -> None:
    """Keep what a record leaves for those after it."""
    state.now = number(record["t"])
    state.frozen |= "FORENSIC_FREEZE_LOG" in texts(outcome_of(record).get("emits"))
    if is_whole(record):
        state.ids.add(event_of(record)["event_id"])
    if is_accepted(record):
        overrides = texts(state.policy("capabilities").get("override_actions"))
        if record["origin"] == "agent":
            state.actions[agent_of(record), window_of(state, record)] += 1
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
        for action in STOPS:
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
    **dict.fromkeys(STOPS, _stop),
    "LIFT_ENFORCEMENT": _lift,
    "MINT_TOKEN": _mint,
    "REVOKE_TOKEN": _revoke,
    "UPDATE_ROSTER": _update_roster,
}
