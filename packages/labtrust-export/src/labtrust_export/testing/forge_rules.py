"""Forgeries by everybody at once: producer, witnesses and agents sign what breaks the rules.

Only the policy and the log speak against them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Final

from labtrust_export.testing.forgery import Forged, Good, forges
from labtrust_export.testing.sealing import Files, Record, relinked, sealed

Records = list[Record]
Edit = Callable[[Records], object]

_RELABEL: Final = "RC_SPECIMEN_UNKNOWN"  # a reason that nothing but the world can bear out


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
                files = retold(bundle, lambda records, index=index: accept(records, index))
                yield Forged(f"{index}-accepted", files, code)

            def relabel(records: Records, index: int = index) -> None:
                records[index]["outcome"]["reason"] = _RELABEL

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
    refused = next(i for i, item in enumerate(bundle.records) if _is(item, "BLOCKED"))
    for index, record in enumerate(bundle.records):
        if index > refused and _is(record, "ACCEPTED"):

            def reuse(records: Records, index: int = index) -> None:
                records[index]["event"]["event_id"] = records[refused]["event"]["event_id"]

            yield Forged(str(index), retold(bundle, reuse), "RULE_IDENTITY")


def _is(record: Record, status: str) -> bool:
    return record.get("origin") == "agent" and record["outcome"]["status"] == status


@forges(
    "role-exceeded",
    "lets an agent do what his role does not list, or one act who has no role",
    level="L2",
    bases=("amended", "clocked", "reception"),
    holes=("S09",),
)
def role_exceeded(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action outside the agent's role."""
    for index, record in enumerate(bundle.records):
        if not _is(record, "ACCEPTED"):
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
        if _is(record, "ACCEPTED"):
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
        if _is(record, "ACCEPTED"):
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
    "presents a token that is not there, used, revoked, expired or of another kind, and gets through",
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
        if _is(record, "ACCEPTED"):
            for reason in reasons:

                def deny(records: Records, index: int = index, reason: str = reason) -> None:
                    refuse(records, index, reason)

                yield Forged(f"{index}-{reason}", retold(bundle, deny), "RULE_FALSE_REFUSAL")


@forges(
    "origin-forged",
    "passes an agent's action off as the clockwork's or as enforcement",
    level="L2",
    bases=("clocked", "amended", "enforced"),
)
def origin_forged(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which somebody's action happened by itself."""
    for index, record in enumerate(bundle.records):
        if not _is(record, "ACCEPTED"):
            continue

        def clockwork(records: Records, index: int = index) -> None:
            records[index]["origin"] = "clockwork"

        yield Forged(f"{index}-clockwork", retold(bundle, clockwork), "RULE_ORIGIN")

        def enforcement(records: Records, index: int = index) -> None:
            records[index]["origin"] = "enforcement"
            records[index]["event"]["agent_id"] = "SYSTEM"

        codes = frozenset({"RULE_ORIGIN", "RULE_ENFORCEMENT"})
        yield Forged(f"{index}-enforcement", retold(bundle, enforcement), codes)


@forges(
    "outcome-role",
    "states another role in an outcome than the agent has",
    level="L2",
    bases=("amended", "signed", "roster"),
)
def outcome_role(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with a wrong role in an outcome."""
    for index, record in enumerate(bundle.records):
        if _is(record, "ACCEPTED"):
            for role in ("ROLE_INVENTED", ""):

                def claim(records: Records, index: int = index, role: str = role) -> None:
                    records[index]["outcome"]["role"] = role

                yield Forged(
                    f"{index}-{role or 'empty'}", retold(bundle, claim), "RULE_OUTCOME_ROLE"
                )


@forges(
    "reason-forged",
    "gives an accepted action a reason, a refused one none, or an invented one",
    level="L2",
    bases=("amended", "reception"),
)
def reason_forged(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with a reason where there is none, and the other way round."""
    for index, record in enumerate(bundle.records):
        if _is(record, "ACCEPTED"):

            def give(records: Records, index: int = index) -> None:
                records[index]["outcome"]["reason"] = _RELABEL

            yield Forged(f"{index}-given", retold(bundle, give), "RULE_REASON")
        elif _is(record, "BLOCKED") and not record["outcome"]["reason"].startswith("RBAC"):

            def invent(records: Records, index: int = index) -> None:
                records[index]["outcome"]["reason"] = "RC_INVENTED"

            def drop(records: Records, index: int = index) -> None:
                del records[index]["outcome"]["reason"]

            yield Forged(f"{index}-invented", retold(bundle, invent), "RULE_REASON")
            yield Forged(f"{index}-dropped", retold(bundle, drop), "RULE_REASON")


@forges(
    "violation-erased",
    "erases a violation and what enforcement did about it, or invents one",
    level="L2",
    bases=("enforced", "signed", "frozen"),
    holes=("B21", "B22"),
)
def violation_erased(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which a violation is not what policy says."""
    for index, record in enumerate(bundle.records):
        if not record.get("outcome", {}).get("violations"):
            continue

        def erase(records: Records, index: int = index) -> None:
            del records[index]["outcome"]["violations"]

        def wash(records: Records, index: int = index) -> None:
            del records[index]["outcome"]["violations"]
            while records[index + 1].get("origin") == "enforcement":
                del records[index + 1]

        def soften(records: Records, index: int = index) -> None:
            records[index]["outcome"]["violations"][0]["severity"] = "NONE"

        def rename(records: Records, index: int = index) -> None:
            records[index]["outcome"]["violations"][0]["invariant_id"] = "INV-INVENTED"

        for what, edit in {
            "erased": erase,
            "washed": wash,
            "softer": soften,
            "other": rename,
        }.items():
            yield Forged(f"{index}-{what}", retold(bundle, edit), "RULE_INVARIANT")
    for index, record in enumerate(bundle.records):
        if _is(record, "ACCEPTED"):

            def accuse(records: Records, index: int = index) -> None:
                records[index]["outcome"]["violations"] = [
                    {"invariant_id": "INV-TOK-002", "severity": _severity(bundle)}
                ]
                records[index]["outcome"]["evaluated"] = []

            yield Forged(f"{index}-accused", retold(bundle, accuse), "RULE_INVARIANT")


def _severity(bundle: Good) -> str:
    """Return the severity that goes with the invariant of tokens."""
    return next(
        item["severity"]
        for record in (*bundle.records[1:-1],)
        for item in record["outcome"].get("violations", ())
    )


@forges(
    "enforcement-forged",
    "takes an answer of enforcement out, puts one in, softens or swaps it",
    level="L2",
    bases=("enforced", "signed", "frozen", "charged"),
    holes=("B23",),
)
def enforcement_forged(bundle: Good) -> Iterator[Forged]:
    """Yield bundles whose enforcement is not what policy asks for."""
    for index, record in enumerate(bundle.records):
        if record.get("origin") != "enforcement":
            continue

        def remove(records: Records, index: int = index) -> None:
            del records[index]

        def spare(records: Records, index: int = index) -> None:
            records[index]["event"]["args"]["target"] = "A_QC_2"

        def shorten(records: Records, index: int = index) -> None:
            records[index]["event"]["args"]["duration_s"] = 1

        def soften(records: Records, index: int = index) -> None:
            action = records[index]["event"]["action_type"]
            softer = "KILL_SWITCH_ZONE" if action == "THROTTLE_AGENT" else "THROTTLE_AGENT"
            records[index]["event"]["action_type"] = softer

        def double(records: Records, index: int = index) -> None:
            again(records, index, "sys-999")

        edits: dict[str, Edit] = {
            "out": remove,
            "other-target": spare,
            "shorter": shorten,
            "softer": soften,
            "twice": double,
        }
        for what, edit in edits.items():
            yield Forged(f"{index}-{what}", retold(bundle, edit), "RULE_ENFORCEMENT")
    if bundle.name == "frozen":

        def swap(records: Records) -> None:
            records[6], records[7] = records[7], records[6]

        yield Forged("swapped", retold(bundle, swap), "RULE_ENFORCEMENT")


@forges(
    "enforcement-invented",
    "has enforcement stop an agent who did nothing",
    level="L2",
    bases=("enforced", "amended", "clocked"),
    holes=("B23",),
)
def enforcement_invented(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with enforcement that nothing brought about."""
    pattern = {
        "event": {
            "action_type": "THROTTLE_AGENT",
            "agent_id": "SYSTEM",
            "args": {
                "duration_s": 120,
                "reason_code": "INV-TOK-002",
                "rule_id": "tokens",
                "target": "A_INSIDER_0",
                "type": "throttle_agent",
            },
            "event_id": "sys-777",
        },
        "kind": "event",
        "origin": "enforcement",
        "outcome": {"status": "ACCEPTED"},
        "v": 1,
    }
    for index, record in enumerate(bundle.records):
        if _is(record, "ACCEPTED"):

            def stop(records: Records, index: int = index) -> None:
                made = copy.deepcopy(pattern) | {"t": records[index]["t"]}
                made["event"]["t_s"] = records[index]["t"]
                records.insert(index + 1, made)

            yield Forged(f"{index}", retold(bundle, stop), "RULE_ENFORCEMENT")


@forges(
    "result-unmeasured",
    "releases a result that was never measured, releases one twice, measures one twice",
    level="L2",
    bases=("amended", "clocked"),
    holes=("B12",),
)
def result_unmeasured(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which a result lives as no result can."""
    for index, record in enumerate(bundle.records):
        if record.get("origin") is None or record["outcome"]["status"] != "ACCEPTED":
            continue
        action = record["event"]["action_type"]
        released = record["outcome"].get("data", {}).get("released_results")
        if released:

            def invent(records: Records, index: int = index) -> None:
                records[index]["outcome"]["data"]["released_results"] = ["RES_NEVER"]

            yield Forged(f"{index}-never-measured", retold(bundle, invent), "RULE_LIFECYCLE")
            if action == "RELEASE_RESULT":
                files = retold(bundle, lambda records, index=index: again(records, index, "e99"))
                yield Forged(f"{index}-released-twice", files, "RULE_LIFECYCLE")
        if action == "GENERATE_RESULT":
            files = retold(bundle, lambda records, index=index: again(records, index, "e98"))
            yield Forged(f"{index}-measured-twice", files, "RULE_LIFECYCLE")

            def erase(records: Records, index: int = index) -> None:
                del records[index]

            yield Forged(f"{index}-measurement-erased", retold(bundle, erase), "RULE_LIFECYCLE")


@forges(
    "specimen-twice",
    "lets a specimen arrive twice",
    level="L2",
    bases=("arriving",),
)
def specimen_twice(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which a specimen comes a second time."""
    for index, record in enumerate(bundle.records):
        if record.get("outcome", {}).get("data", {}).get("specimen_ids"):
            files = retold(bundle, lambda records, index=index: again(records, index, "sys-998"))
            yield Forged(str(index), files, "RULE_LIFECYCLE")
