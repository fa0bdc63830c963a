"""What is accepted on purpose: forgeries that a verifier cannot tell, or not at every level.

Evidence shows who vouches for a story and that it could have happened. It cannot show that nobody
who had all the keys told another one first. Each entry says up to which level it is accepted, and
what catches it, if anything does.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.golden.format import Step
from labtrust_core.trust.notes import Note, cosign, sign_note
from msgspec import structs

from labtrust_export.testing.episodes import played
from labtrust_export.testing.forge_rules import Edit, Records, again, retold
from labtrust_export.testing.forgery import Forged, good, honest_trust
from labtrust_export.testing.sealing import (
    CHECKPOINT,
    LOG_FILE,
    POLICY,
    RECEIPTS,
    checkpoints,
    joined,
    linked,
    manifested,
    receipts,
    relinked,
    resealed,
    sealed,
    stated,
)
from labtrust_export.testing.signers import ATTACKER, LOG, WITNESSES

_TOP: Final = "L3"  # the highest level of a bundle that stands alone
_ALL: Final = "L4"


@dataclass(frozen=True)
class Accepted:
    """A forgery that is accepted.

    Attributes:
        name: Its name.
        story: What is forged, and by whom.
        remedy: What catches it, outside the bundle if need be.
        level: The highest level that accepts it.
        caught: The level that catches it and the code, or None where no level does.
        make: Makes the bundle.
    """

    name: str
    story: str
    remedy: str
    level: str
    caught: tuple[str, str] | None
    make: Callable[[], Forged]


def _retold(base: str, edit: Edit) -> Callable[[], Forged]:
    return lambda: Forged(base, retold(good(base), edit), frozenset())


def _find(records: Records, action: str, status: str = "ACCEPTED") -> int:
    """Return the first record of an action that went so."""
    return next(
        index
        for index, record in enumerate(records)
        if record.get("event", {}).get("action_type") == action
        and record["outcome"]["status"] == status
    )


def _deny(records: Records) -> None:
    index = _find(records, "QUEUE_RUN")
    records[index]["outcome"] = {"status": "BLOCKED", "reason": "RC_SPECIMEN_STATUS"}


def _measure(records: Records) -> None:
    records[_find(records, "GENERATE_RESULT")]["event"]["args"]["value"] = "4.2"


def _emit(records: Records) -> None:
    index = _find(records, "NOTIFY_CRITICAL_RESULT")
    records[index]["outcome"].setdefault("emits", []).append("RECEIVE_BATCH")


def _reword(records: Records) -> None:
    index = _find(records, "AMEND_RESULT", "BLOCKED")
    records[index]["outcome"]["detail"] = "it was not to be"


def _predate(records: Records) -> None:
    records[_find(records, "RELEASE_RESULT")]["event"]["t_s"] += 5


def _forget_scenario(records: Records) -> None:
    records[0]["body"]["scenario"] = None


def _other_world(records: Records) -> None:
    records[-1]["body"]["world"] = "0" * 64


def _hide_attempt(records: Records) -> None:
    del records[_find(records, "AMEND_RESULT", "BLOCKED")]


def _invent_attempt(records: Records) -> None:
    again(records, _find(records, "AMEND_RESULT", "BLOCKED"), "invented")


def _played_so(name: str, edit: Callable[[list[Step]], list[Step]]) -> Callable[[], Forged]:
    return lambda: Forged(name, sealed(played(name, edit)), frozenset())


def _with_step(
    action: str, args: Mapping[str, str] | None = None, **changes: object
) -> Callable[[list[Step]], list[Step]]:
    """Return what changes the first step of an action; ``args`` are added to its own."""

    def edit(script: list[Step]) -> list[Step]:
        at = next(index for index, step in enumerate(script) if step.action_type == action)
        merged = script[at].args | dict(args or {})
        script[at] = structs.replace(script[at], args=merged, **changes)
        return script

    return edit


def _rename_partner(records: Records) -> None:
    records[0]["body"]["partner"] = "somebody_else"


def _another_run() -> Forged:
    bundle = good("run")
    records = bundle.run
    records[0]["body"]["run"]["task"] = "the ninth try"
    story = replace(bundle.episode, run=linked(records))
    return Forged("run", sealed(story), frozenset(), state={"version": "0.1", "runs": {}})


def _other_result() -> Forged:
    bundle = good("run")
    records = bundle.run
    for record in records:
        if record["kind"] == "end":
            record["body"]["result"] = "0" * 64
    story = replace(bundle.episode, run=linked(records))
    return Forged("run", sealed(story), frozenset(), state={"version": "0.1", "runs": {}})


def _other_agents() -> Forged:
    bundle = good("run")
    records = bundle.run
    records[0]["body"]["agents"] = {"ops_0": "somebody else"}
    story = replace(bundle.episode, run=linked(records))
    return Forged("run", sealed(story), frozenset(), state={"version": "0.1", "runs": {}})


def _other_exporter() -> Forged:
    def rename(statement: dict[str, Any]) -> None:
        statement["predicate"]["exporter"] = "another program 9.9"

    return Forged("amended", resealed(good("amended").files, rename), frozenset())


def _backdated_witness() -> Forged:
    bundle = good("amended")
    text = stated("episode", bundle.episode.lines).text
    lines = (sign_note(text, *LOG), *(cosign(text, *item, 0) for item in WITNESSES[:2]))
    files = resealed(bundle.files | {CHECKPOINT: str(Note(text, lines)).encode()})
    return Forged("amended", files, frozenset())


def _foreign_lines() -> Forged:
    bundle = good("amended")
    text = stated("episode", bundle.episode.lines).text
    lines = (
        sign_note(text, *ATTACKER),
        sign_note(text, *LOG),
        *(cosign(text, *item, 1) for item in WITNESSES),
    )
    files = resealed(bundle.files | {CHECKPOINT: str(Note(text, lines)).encode()})
    return Forged("amended", files, frozenset())


def _weaker_of_two() -> Forged:
    bundle = good("amended")
    policy = copy.deepcopy(json.loads(bundle.episode.policy))
    for profile in policy["documents"]["capabilities"]["profiles"].values():
        profile["max_overrides"] += 100
    weak = canonical_bytes(policy)
    records = bundle.records
    records[0]["body"]["policy_fingerprint"] = sha256_hex(weak)
    lines = relinked(records)
    files = {LOG_FILE: joined(lines), POLICY: weak + b"\n", RECEIPTS: receipts(lines)}
    trust = honest_trust() | {"policies": [*honest_trust()["policies"], sha256_hex(weak)]}
    trust["policies"].sort()
    return Forged("amended", manifested(checkpoints(files)), frozenset(), trust=trust)


_REPLAY: Final = ("L3", "REPLAY_MISMATCH")

ACCEPTED: Final[tuple[Accepted, ...]] = (
    Accepted(
        "decision-resigned",
        "an allowed action is recorded as refused for a reason of the world; all sign again",
        "replay",
        "L2",
        _REPLAY,
        _retold("amended", _deny),
    ),
    Accepted(
        "measurement-resigned",
        "a value that a device measured by itself is changed; all sign again",
        "replay",
        "L2",
        _REPLAY,
        _retold("clocked", _measure),
    ),
    Accepted(
        "emits-resigned",
        "an outcome announces something that did not come of it; all sign again",
        "replay",
        "L2",
        _REPLAY,
        _retold("clocked", _emit),
    ),
    Accepted(
        "words-resigned",
        "the explanation of a refusal is worded otherwise; all sign again",
        "replay",
        "L2",
        _REPLAY,
        _retold("amended", _reword),
    ),
    Accepted(
        "time-resigned",
        "an action states a later time than its record, where the clock is not simulated",
        "replay",
        "L2",
        _REPLAY,
        _retold("amended", _predate),
    ),
    Accepted(
        "world-resigned",
        "the digest of the last world is that of no world; all sign again",
        "replay",
        "L2",
        _REPLAY,
        _retold("amended", _other_world),
    ),
    Accepted(
        "scenario-withheld",
        "the initial state is left out, as if it were too long, so that nobody can run it again",
        "ask for L3",
        "L2",
        ("L3", "REPLAY_SCENARIO_MISSING"),
        _retold("amended", _forget_scenario),
    ),
    Accepted(
        "attempt-hidden",
        "a refused attempt is left out before anybody outside saw a checkpoint",
        "a checkpoint that a witness saw while the episode ran",
        _TOP,
        None,
        _retold("amended", _hide_attempt),
    ),
    Accepted(
        "attempt-invented",
        "a refused attempt is invented in an agent's name, where agents do not sign",
        "signed events, and policy that charges them to keys",
        _TOP,
        None,
        _retold("amended", _invent_attempt),
    ),
    Accepted(
        "agent-blamed",
        "an action is put down to another agent who could have done it, where agents do not sign",
        "signed events",
        _TOP,
        None,
        _played_so("amended", _with_step("RERUN_REQUEST", agent_id="A_CLINSCI")),
    ),
    Accepted(
        "value-reported-wrong",
        "an agent who enters results enters a wrong value",
        "nothing here: evidence shows what was entered and by whom",
        _TOP,
        None,
        _played_so("amended", _with_step("GENERATE_RESULT", args={"value": "135"})),
    ),
    Accepted(
        "ended-early",
        "the episode is ended before what should not be seen; producer and witnesses sign that",
        "a run log, or a checkpoint that a witness saw later in the episode",
        _TOP,
        None,
        _played_so("amended", lambda script: script[:6]),
    ),
    Accepted(
        "other-choices",
        "who has all keys, also the agents', plays the episode with other choices",
        "a checkpoint that an independent witness saw before",
        _TOP,
        None,
        _played_so("signed", lambda script: script[:6]),
    ),
    Accepted(
        "another-run",
        "a whole run that pleased is shown, and those that did not are not mentioned",
        "run logs whose first checkpoint an outsider keeps",
        _ALL,
        None,
        _another_run,
    ),
    Accepted(
        "result-digest",
        "the run log states the digest of another result",
        "verification of the release, which compares it with the results",
        _ALL,
        None,
        _other_result,
    ),
    Accepted(
        "plan-told-wrong",
        "the plan names other agents or versions than were run",
        "nothing here: it is the producer's word",
        _ALL,
        None,
        _other_agents,
    ),
    Accepted(
        "exporter-renamed",
        "the manifest names another exporter; the makers sign that",
        "nothing: it is a remark",
        _TOP,
        None,
        _other_exporter,
    ),
    Accepted(
        "witness-backdated",
        "witnesses state another time than that at which they saw the checkpoint",
        "witnesses who do not conspire",
        _TOP,
        None,
        _backdated_witness,
    ),
    Accepted(
        "signatures-of-strangers",
        "strangers sign beside those who are trusted",
        "nothing: it does no harm",
        _TOP,
        None,
        _foreign_lines,
    ),
    Accepted(
        "partner-renamed",
        "the ledger names another partner for the same policy",
        "the policy's fingerprint, which covers every value in force",
        _TOP,
        None,
        _retold("amended", _rename_partner),
    ),
    Accepted(
        "weaker-policy-chosen",
        "of two policies that the caller trusts, the weaker was in force",
        "a trust policy with one policy",
        _TOP,
        None,
        _weaker_of_two,
    ),
)


def accepted() -> Iterator[tuple[Accepted, Forged]]:
    """Yield every entry and its bundle."""
    for item in ACCEPTED:
        yield item, item.make()
