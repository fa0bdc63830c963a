"""Forgeries of outcomes by everybody at once: what came of an action is not what policy says."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Final

from labtrust_export.testing.forge_rules import RELABEL, Records, again, retold, stands
from labtrust_export.testing.forgery import Forged, Good, forges
from labtrust_export.testing.sealing import Record


@forges(
    "origin-forged",
    "passes an agent's action off as the clockwork's or as enforcement",
    level="L2",
    bases=("clocked", "amended", "enforced"),
)
def origin_forged(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which somebody's action happened by itself."""
    for index, record in enumerate(bundle.records):
        if not stands(record, "ACCEPTED"):
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
        if stands(record, "ACCEPTED"):
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
        if stands(record, "ACCEPTED"):

            def give(records: Records, index: int = index) -> None:
                records[index]["outcome"]["reason"] = RELABEL

            yield Forged(f"{index}-given", retold(bundle, give), "RULE_REASON")
        elif stands(record, "BLOCKED") and not record["outcome"]["reason"].startswith("RBAC"):

            def invent(records: Records, index: int = index) -> None:
                records[index]["outcome"]["reason"] = "RC_INVENTED"

            def drop(records: Records, index: int = index) -> None:
                del records[index]["outcome"]["reason"]

            yield Forged(f"{index}-invented", retold(bundle, invent), "RULE_REASON")
            yield Forged(f"{index}-dropped", retold(bundle, drop), "RULE_REASON")


def _erase(records: Records, index: int) -> None:
    del records[index]["outcome"]["violations"]


def _wash(records: Records, index: int) -> None:
    _erase(records, index)
    while records[index + 1].get("origin") == "enforcement":
        del records[index + 1]


def _belittle(records: Records, index: int) -> None:
    records[index]["outcome"]["violations"][0]["severity"] = "NONE"


def _rename(records: Records, index: int) -> None:
    records[index]["outcome"]["violations"][0]["invariant_id"] = "INV-INVENTED"


def _accuse(records: Records, index: int, severity: str) -> None:
    violation = {"invariant_id": "INV-TOK-002", "severity": severity}
    records[index]["outcome"] |= {"violations": [violation], "evaluated": []}


_VIOLATIONS: Final = {"erased": _erase, "washed": _wash, "softer": _belittle, "other": _rename}


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
        if record.get("outcome", {}).get("violations"):
            for what, edit in _VIOLATIONS.items():
                files = retold(bundle, partial(edit, index=index))
                yield Forged(f"{index}-{what}", files, "RULE_INVARIANT")
        elif stands(record, "ACCEPTED"):
            files = retold(bundle, partial(_accuse, index=index, severity=_severity(bundle)))
            yield Forged(f"{index}-accused", files, "RULE_INVARIANT")


def _severity(bundle: Good) -> str:
    """Return the severity that goes with the invariant of tokens."""
    return next(
        str(item["severity"])
        for record in bundle.records[1:-1]
        for item in record["outcome"].get("violations", ())
    )


def _remove(records: Records, index: int) -> None:
    del records[index]


def _spare(records: Records, index: int) -> None:
    records[index]["event"]["args"]["target"] = "A_QC_2"


def _shorten(records: Records, index: int) -> None:
    records[index]["event"]["args"]["duration_s"] = 1


def _soften(records: Records, index: int) -> None:
    event = records[index]["event"]
    throttles = event["action_type"] == "THROTTLE_AGENT"
    event["action_type"] = "KILL_SWITCH_ZONE" if throttles else "THROTTLE_AGENT"


def _double(records: Records, index: int) -> None:
    again(records, index, "sys-999")


def _swap(records: Records) -> None:
    """Swap the first two answers that follow one another."""
    index = next(
        place
        for place, record in enumerate(records)
        if record.get("origin") == records[place + 1].get("origin") == "enforcement"
    )
    records[index], records[index + 1] = records[index + 1], records[index]


_ANSWERS: Final = {
    "out": _remove,
    "other-target": _spare,
    "shorter": _shorten,
    "softer": _soften,
    "twice": _double,
}


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
        if record.get("origin") == "enforcement":
            for what, edit in _ANSWERS.items():
                files = retold(bundle, partial(edit, index=index))
                yield Forged(f"{index}-{what}", files, "RULE_ENFORCEMENT")
    if bundle.name == "frozen":
        yield Forged("swapped", retold(bundle, _swap), "RULE_ENFORCEMENT")


@forges(
    "enforcement-invented",
    "has enforcement stop an agent who did nothing",
    level="L2",
    bases=("enforced", "amended", "clocked"),
    holes=("B23",),
)
def enforcement_invented(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with enforcement that nothing brought about."""
    pattern: Record = {
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
        if stands(record, "ACCEPTED"):

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
                files = retold(bundle, partial(again, index=index, event_id="e99"))
                yield Forged(f"{index}-released-twice", files, "RULE_LIFECYCLE")
        if action == "GENERATE_RESULT":
            files = retold(bundle, partial(again, index=index, event_id="e98"))
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
            files = retold(bundle, partial(again, index=index, event_id="sys-998"))
            yield Forged(str(index), files, "RULE_LIFECYCLE")
