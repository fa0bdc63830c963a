"""Forgeries by everybody at once: producer, witnesses and agents sign what breaks the rules.

Only the policy and the log speak against them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from labtrust_export.testing.forgery import Forged, Good, forges
from labtrust_export.testing.sealing import Files, Record, relinked, sealed

Records = list[Record]
Edit = Callable[[Records], object]

RELABEL: Final = "RC_SPECIMEN_UNKNOWN"  # a reason that nothing but the world can bear out


def retold(bundle: Good, edit: Edit) -> Files:
    """Return the bundle of a changed story, which everybody signs."""
    records = bundle.records
    edit(records)
    return sealed(bundle.told(relinked(records, bundle.episode.agents)))


def accept(records: Records, index: int) -> None:
    """Let a refused event take effect."""
    outcome = records[index]["outcome"]
    agent = records[index]["event"].get("agent_id")
    role = outcome.get("role") or records[0]["body"]["roster"].get(agent)
    records[index]["outcome"] = {"status": "ACCEPTED"} | ({"role": role} if role else {})


def refuse(records: Records, index: int, reason: str) -> None:
    """Let an accepted event be refused."""
    records[index]["outcome"] = {"status": "BLOCKED", "reason": reason, "detail": "no"}


def again(records: Records, index: int, event_id: str) -> None:
    """Let an event happen a second time under another id."""
    twin = copy.deepcopy(records[index])
    twin["event"]["event_id"] = event_id
    records.insert(index + 1, twin)


def _refused(bundle: Good, reason: str) -> list[int]:
    return [
        index
        for index, record in enumerate(bundle.records)
        if record.get("outcome", {}).get("reason") == reason
    ]


def _whitewashed(
    bundle: Good, reasons: tuple[str, ...], code: str, *, accepting: bool = True
) -> Iterator[Forged]:
    """Yield bundles in which a refusal is made an acceptance, or given another reason."""
    for reason in reasons:
        for index in _refused(bundle, reason):
            if accepting:
                files = retold(bundle, partial(accept, index=index))
                yield Forged(f"{index}-accepted", files, code)

            def relabel(records: Records, index: int = index) -> None:
                records[index]["outcome"]["reason"] = RELABEL

            yield Forged(f"{index}-relabelled", retold(bundle, relabel), code)


@forges(
    "frozen-ledger",
    "lets something happen after the ledger was frozen, or gives another reason why not",
    level="L2",
    bases=("frozen",),
)
def frozen_ledger(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which a frozen ledger goes on."""
    yield from _whitewashed(bundle, ("AUDIT_CHAIN_BROKEN",), "RULE_FROZEN")

    def further(records: Records) -> None:
        again(records, 8, "e5")
        accept(records, 9)

    yield Forged("further", retold(bundle, further), "RULE_FROZEN")


@forges(
    "containment-ignored",
    "lets an agent act that must wait or was stopped",
    level="L2",
    bases=("enforced", "charged"),
)
def containment_ignored(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which a stopped agent acts."""
    yield from _whitewashed(bundle, ("AGENT_THROTTLED", "AGENT_KILLED"), "RULE_CONTAINMENT")


@forges(
    "time-wrong",
    "dates an action before what has happened, or away from the clock",
    level="L2",
    bases=("enforced", "clocked", "amended"),
)
def time_wrong(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action at a wrong time."""
    simulated = bundle.records[0]["body"]["config"]["simulated"]
    for index, record in enumerate(bundle.records[2:-1], 2):
        before = bundle.records[index - 1]["t"]
        if record["origin"] != "agent" or not before:
            continue
        times = {"past": before - 1, "zero": 0}
        if simulated:
            times |= {"ahead": record["t"] + 1}
        for what, t_s in times.items():

            def date(records: Records, index: int = index, t_s: int = t_s) -> None:
                records[index]["event"]["t_s"] = t_s

            yield Forged(f"{index}-{what}", retold(bundle, date), "RULE_TIME")


@forges(
    "identity-reused",
    "gives an action the id of one that was refused before",
    level="L2",
    bases=("enforced", "signed", "roster"),
)
def identity_reused(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which an event id is used again."""
    refused = next(i for i, item in enumerate(bundle.records) if stands(item, "BLOCKED"))
    for index, record in enumerate(bundle.records):
        if index > refused and stands(record, "ACCEPTED"):

            def reuse(records: Records, index: int = index) -> None:
                records[index]["event"]["event_id"] = records[refused]["event"]["event_id"]

            yield Forged(str(index), retold(bundle, reuse), "RULE_IDENTITY")


def stands(record: Record, status: str) -> bool:
    """Whether a record is an agent's, and accepted or blocked."""
    return record.get("origin") == "agent" and record["outcome"]["status"] == status


@forges(
    "role-exceeded",
    "lets an agent do what his role does not list, or one act who has no role",
    level="L2",
    bases=("amended", "clocked"),
    holes=("S09",),
)
def role_exceeded(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action outside the agent's role."""
    for index, record in enumerate(bundle.records):
        if not stands(record, "ACCEPTED"):
            continue
        for name in ("EVIL", "SYSTEM ", "A_RUNNER\u200b"):

            def impersonate(records: Records, index: int = index, name: str = name) -> None:
                records[index]["event"]["agent_id"] = name

            yield Forged(f"{index}-by-{name!r}", retold(bundle, impersonate), "RULE_ROLE")
        for action in ("TELEPORT", "noop", "SYS_ARRIVAL"):

            def act(records: Records, index: int = index, action: str = action) -> None:
                records[index]["event"]["action_type"] = action

            yield Forged(f"{index}-{action}", retold(bundle, act), "RULE_ROLE")
    yield from _whitewashed(bundle, ("RBAC_ACTION_DENY",), "RULE_ROLE")


_RUNTIME: Final = "AGENT_SIGNATURE_MISSING"


@forges(
    "runtime-control-unsigned",
    "changes the roster or stops the runtime without a signature",
    level="L1",
    bases=("amended", "clocked"),
    holes=("S06",),
)
def runtime_control_unsigned(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with runtime control that nobody signed."""
    for index, record in enumerate(bundle.records):
        if stands(record, "ACCEPTED"):
            for agent in ("SYSTEM", record["event"]["agent_id"]):

                def control(records: Records, index: int = index, agent: str = agent) -> None:
                    roster = {"A_RUNNER": "ROLE_SUPERVISOR"}
                    records[index]["event"] |= {
                        "action_type": "UPDATE_ROSTER",
                        "agent_id": agent,
                        "args": {"roster": roster},
                    }

                yield Forged(f"{index}-by-{agent}", retold(bundle, control), _RUNTIME)


@forges(
    "roster-forged",
    "has somebody else change the roster, who signs it with a good key of his own",
    level="L2",
    bases=("roster",),
)
def roster_forged(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which another than the system has changed the roster."""
    index = next(
        place
        for place, record in enumerate(bundle.records)
        if record.get("event", {}).get("action_type") == "UPDATE_ROSTER"
    )
    for agent, key_id in (
        ("A_CLINSCI", "ed25519:key_clinsci"),
        ("A_SUPERVISOR", "ed25519:key_supervisor"),
        ("A_RUNNER", "ed25519:key_runner"),
    ):

        def usurp(records: Records, agent: str = agent, key_id: str = key_id) -> None:
            records[index]["event"] |= {"agent_id": agent, "key_id": key_id}

        yield Forged(agent, retold(bundle, usurp), "RULE_ROLE")


@forges(
    "capability-exceeded",
    "goes beyond an agent's limits: no rationale, too many overrides",
    level="L2",
    bases=("limited",),
)
def capability_exceeded(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action beyond a role's limits."""
    for index, record in enumerate(bundle.records):
        if stands(record, "ACCEPTED"):
            for name in ("rationale", "reason_code"):

                def strip(records: Records, index: int = index, name: str = name) -> None:
                    del records[index]["event"][name]

                yield Forged(f"{index}-no-{name}", retold(bundle, strip), "RULE_CAPABILITY")
    yield from _whitewashed(bundle, ("AGENT_OVERRIDE_BUDGET_EXCEEDED",), "RULE_CAPABILITY")


@forges(
    "signature-refusal-hidden",
    "gives a refusal for a bad signature another reason",
    level="L2",
    bases=("charged", "roster"),
)
def signature_refusal_hidden(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which a bad signature is not what was refused."""
    reasons = ("SIG_MISSING", "SIG_ROLE_MISMATCH")
    yield from _whitewashed(bundle, reasons, "RULE_SIGNATURE", accepting=False)


@forges(
    "token-misused",
    "gets through with a token that is not there, used, revoked, expired or of another kind",
    level="L2",
    bases=("limited", "enforced", "frozen"),
)
def token_misused(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which a token that is no good is good enough."""
    yield from _whitewashed(bundle, ("INV-TOK-002", "INV-TOK-006"), "RULE_TOKEN")
    if bundle.name != "limited":
        return
    for index in range(2, 11):
        for what, refs, consumed in (
            ("again", ["T1"], ["T1"]),
            ("unknown", ["T99"], ["T99"]),
            ("not-presented", None, ["T1"]),
            ("another-consumed", None, ["T10"] if index < 10 else ["T1"]),  # noqa: PLR2004
        ):

            def use(
                records: Records,
                index: int = index,
                refs: list[str] | None = refs,
                consumed: list[str] = consumed,
            ) -> None:
                if refs is not None:
                    records[index]["event"]["token_refs"] = refs
                records[index]["outcome"]["tokens_consumed"] = consumed

            yield Forged(f"{index}-{what}", retold(bundle, use), "RULE_TOKEN")


def _approvals(event: Record) -> dict[str, list[Record]]:
    """Return approvals that are too few or of the wrong people."""
    first, second = event["args"]["approvals"]
    return {
        "none": [],
        "one": [first],
        "same-twice": [first, first],
        "by-a-runner": [first, second | {"approver_agent_id": "A_RUNNER"}],
        "by-nobody": [first, second | {"approver_agent_id": "EVIL"}],
        "by-the-requester": [first, second | {"approver_agent_id": event["args"]["requested_by"]}],
    }


@forges(
    "token-minted",
    "mints a token without the approvals that its type asks for",
    level="L2",
    bases=("signed",),
)
def token_minted(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with a token that too few, or the wrong people, approved."""
    for index in (6, 9):
        for what, approvals in _approvals(bundle.records[index]["event"]).items():

            def mint(
                records: Records, index: int = index, approvals: list[Record] = approvals
            ) -> None:
                records[index]["event"]["args"]["approvals"] = approvals

            yield Forged(f"{index}-{what}", retold(bundle, mint), "RULE_TOKEN")
    for index in _refused(bundle, "INV-TOK-001"):
        if bundle.records[index]["event"]["action_type"] == "MINT_TOKEN":

            def minted(records: Records, index: int = index) -> None:
                accept(records, index)
                records[index]["outcome"]["data"] = {"token_id": f"T_NEW_{index}"}

            codes = frozenset({"RULE_TOKEN"})
            yield Forged(f"{index}-refused", retold(bundle, minted), codes)


@forges(
    "refusal-invented",
    "refuses an action for a reason that the log shows to be false",
    level="L2",
    bases=("enforced", "amended", "signed"),
)
def refusal_invented(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which an accepted action is refused for a reason that is not so."""
    reasons = (
        "RC_TIME_NOT_MONOTONIC",
        "RC_EVENT_DUPLICATE",
        "AGENT_KILLED",
        "AGENT_THROTTLED",
        "AGENT_RATE_LIMIT",
        "AGENT_OVERRIDE_BUDGET_EXCEEDED",
        "SIG_MISSING",
        "SIG_STALE_HEAD",
    )
    for index, record in enumerate(bundle.records):
        if stands(record, "ACCEPTED"):
            for reason in reasons:

                def deny(records: Records, index: int = index, reason: str = reason) -> None:
                    refuse(records, index, reason)

                yield Forged(f"{index}-{reason}", retold(bundle, deny), "RULE_FALSE_REFUSAL")
