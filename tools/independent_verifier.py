"""A second verifier of evidence bundles, written from the pages alone.

`docs/reference/evidence.md` and `docs/reference/ledger.md` say what is checked, in which order and
under which codes. This needs Python and `cryptography`, nothing of LabTrust, and goes up to level
L2, with the history after it where a state file is given. Replay (L3) needs the engine. Its
parts: `independent_formats.py`, `independent_shapes.py`, `independent_logs.py`,
`independent_receipts.py`, `independent_bundle.py` (L0), this file (L1, history) and
`independent_rules.py` (L2).

    python tools/independent_verifier.py BUNDLE TRUST_POLICY [--max-level L2] [--state FILE]

prints the verdict as one line of JSON. Exit code 0: all that was asked for holds; 1: it does not;
2: the question is bad, such as an unreadable trust policy.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final, NamedTuple

import independent_formats as form
import independent_shapes as shapes
from independent_bundle import Evidence, check_bytes, public_key
from independent_formats import Json, Key, Note, Tree, fits, number, table, texts
from independent_logs import Failed, require
from independent_receipts import Record, args_of, event_of, is_accepted
from independent_rules import Signing, check_rules

LEVELS: Final = ("L0", "L1", "L2")
ACTION: Final = "application/vnd.labtrust.action+json"


class Verdict(NamedTuple):
    """The level reached, and the code and message of the check that failed, or None and words."""

    level: str | None
    code: str | None
    message: str


class Trust(NamedTuple):
    """The caller's trust policy, read."""

    log_keys: list[Key]
    witnesses: list[Key]
    quorum: int
    bundle_keys: list[Key]
    bundle_threshold: int
    policies: list[str]
    agent_keys: list[str]


def read_trust(value: Json) -> Trust:
    """Read a trust policy; `ValueError` where it is none."""
    if not fits(value, shapes.TRUST_POLICY):
        raise ValueError("the trust policy does not have the shape of one")
    stated = table(value)
    witnesses = table(stated["witnesses"])

    def keys(names: Json, kind: int) -> list[Key]:
        return [form.read_key(name, kind) for name in dict.fromkeys(texts(names))]

    keys(stated["release_keys"], form.LOG_KEY)
    return Trust(
        keys(stated["log_keys"], form.LOG_KEY),
        keys(witnesses["keys"], form.WITNESS_KEY),
        number(witnesses["quorum"]),
        keys(stated["bundle_keys"], form.LOG_KEY),
        number(stated["bundle_threshold"]),
        texts(stated["policies"]),
        texts(stated["agent_keys"]),
    )


# --- L1: keys ---


def check_envelope(evidence: Evidence, trust: Trust) -> None:
    """Check who signed the statement."""
    require(evidence.signatures, "ENVELOPE_UNSIGNED", "there is no signature")
    known = {f"{key.name}+{key.key_id}": key for key in trust.bundle_keys}
    signers: set[str] = set()
    for item in map(table, evidence.signatures):
        key = known.get(str(item["keyid"]))
        if key is not None:
            signature = form.unbase64(str(item["sig"]))
            good = form.signed_by(key.public, signature, evidence.message)
            require(good, "ENVELOPE_SIGNATURE", f"a bad signature under {item['keyid']}")
            signers.add(key.written)
    require(signers, "ENVELOPE_KEY_UNKNOWN", "no signature by a trusted key")
    enough = len(signers) >= trust.bundle_threshold
    require(enough, "ENVELOPE_THRESHOLD", f"{len(signers)} of {trust.bundle_threshold} keys")


def check_signers(note: Note, prefix: str, trust: Trust) -> None:
    """Check who signed a checkpoint."""
    signers: set[Key] = set()
    for line in note.lines:
        for key in (*trust.log_keys, *trust.witnesses):
            if (key.name, key.key_id) == line[:2]:
                good = note.is_signed(line, key)
                require(good, f"{prefix}_SIGNATURE", f"a bad signature under {key.written}")
                signers.add(key)
    witnesses = len(signers & set(trust.witnesses))
    known = signers & set(trust.log_keys)
    require(known, f"{prefix}_KEY_UNKNOWN", "no signature by a trusted log key")
    require(witnesses >= trust.quorum, f"{prefix}_WITNESS", f"{witnesses} of {trust.quorum}")


def is_runtime_control(evidence: Evidence, action: Json) -> bool:
    """Whether policy reserves an action for runtime control."""
    actions = table(table(evidence.documents.get("workflow")).get("actions"))
    return table(actions.get(str(action))).get("runtime_control") is True


def agent_fault(evidence: Evidence, record: Record, role: str | None) -> str | None:
    """Return the code of what is wrong with the signature of an agent's event, or None."""
    event, config = event_of(record), table(evidence.start["config"])
    key_id, signature = event.get("key_id"), event.get("signature")
    needed = config["signatures_required"] or is_runtime_control(evidence, event.get("action_type"))
    if key_id is None or signature is None:
        half = key_id is not None or signature is not None
        return "AGENT_SIGNATURE_MISSING" if needed or half else None
    keys = table(evidence.start["keys"])
    if key_id not in keys:
        return "AGENT_KEY_UNKNOWN"
    key = table(keys[str(key_id)])
    if (key["agent_id"], key["role_id"]) != (event.get("agent_id"), role):
        return "AGENT_KEY_MISMATCH"
    if not is_valid(key, number(event.get("t_s"))):
        return "AGENT_KEY_VALIDITY"
    if not is_signed(key, event, config["episode"]):
        return "AGENT_SIGNATURE_BAD"
    lag = number(table(evidence.documents.get("keys")).get("max_head_lag"))
    place = number(record["seq"])
    recent = evidence.log.tree.levels[0][max(0, place - lag) : place]
    return None if event.get("head") in [leaf.hex() for leaf in recent] else "AGENT_HEAD_STALE"


def is_valid(key: Record, second: int) -> bool:
    """Whether a key of an agent is in its life."""
    first, last = key["not_before_s"], key["not_after_s"]
    begun = first is None or number(first) <= second
    return key["status"] == "ACTIVE" and begun and (last is None or second <= number(last))


def is_signed(key: Record, event: Record, episode: Json) -> bool:
    """Whether an event bears a signature of a key over itself, in this episode."""
    bare: Json = {name: value for name, value in event.items() if name != "signature"}
    try:
        signature = form.unbase64(str(event.get("signature")))
    except ValueError:
        return False
    message = form.canonical({"episode": episode, "event": bare}).encode()
    return form.signed_by(public_key(key) or b"", signature, form.pae(ACTION, message))


def signer_of(evidence: Evidence, record: Record) -> str | None:
    """Return the agent whose key made the signature of an event, or None."""
    event = event_of(record)
    key = table(table(evidence.start["keys"]).get(str(event.get("key_id"))))
    signed = key and is_signed(key, event, table(evidence.start["config"])["episode"])
    return str(key["agent_id"]) if signed else None


def check_agents(evidence: Evidence) -> None:
    """Check the signatures of what agents did."""
    roster = {**table(evidence.start["roster"])}
    for record in filter(is_accepted, evidence.events):
        event = event_of(record)
        if record["origin"] == "agent":
            role = roster.get(str(event["agent_id"]))
            code = agent_fault(evidence, record, str(role) if role is not None else None)
            require(code is None, str(code), f"record {record['seq']}")
        if event["action_type"] == "UPDATE_ROSTER":
            roster.update(table(args_of(record).get("roster")))


def check_keys(evidence: Evidence, trust: Trust) -> None:
    """Check level L1."""
    check_envelope(evidence, trust)
    for prefix, note in evidence.notes.items():
        check_signers(note, prefix, trust)
    trusted = evidence.start["policy_fingerprint"] in trust.policies
    require(trusted, "POLICY_NOT_TRUSTED", "nobody trusts the policy")
    trusted = evidence.start["keys_digest"] in trust.agent_keys
    require(trusted, "KEYS_NOT_TRUSTED", "nobody trusts the keys of the agents")
    check_agents(evidence)


# --- L4: history ---


def check_history(evidence: Evidence, runs: dict[str, Json]) -> dict[str, Json]:
    """Check the run against what the caller has seen; return what he has seen now."""
    run = evidence.run
    if run is None:
        raise Failed("HISTORY_NO_RUN_LOG", "the bundle holds no log of its run")
    closed = run.records[-1]["kind"] == "close"
    require(closed, "HISTORY_OPEN", "the run is not closed")
    origin, leaves = f"labtrust/run/{run.origin}", run.tree.levels[0]
    seen = table(runs.get(origin))
    size = number(seen.get("size"))
    require(len(leaves) >= size, "HISTORY_ROLLBACK", f"{size} records of this run were seen")
    same = not size or Tree(leaves[:size]).root.hex() == seen["root"]
    require(same, "HISTORY_FORK", "another run of this origin was seen")
    return {**runs, origin: {"size": len(leaves), "root": run.tree.root.hex()}}


# --- all together ---


def verify(
    folder: Path, trust: Json, level: str = "L2", state: dict[str, Json] | None = None
) -> Verdict:
    """Verify a bundle up to a level, and then its history where a state is given.

    Args:
        folder: The bundle.
        trust: The caller's trust policy, as JSON.
        level: How far to go: L0, L1 or L2.
        state: What the caller has seen, as JSON; changed where the history holds.

    Raises:
        ValueError: The trust policy or the state is none.
    """
    keys = read_trust(trust)
    if state is not None and not fits(state, shapes.STATE):
        raise ValueError("the state does not have the shape of one")
    reached: str | None = None
    try:
        evidence = check_bytes(folder)
        reached = "L0"
        if level != "L0":
            check_keys(evidence, keys)
            reached = "L1"
        if level == "L2":
            check_rules(evidence, Signing(agent_fault, signer_of))
            reached = "L2"
        if state is not None:
            state["runs"] = check_history(evidence, table(state["runs"]))
    except Failed as failure:
        return Verdict(reached, failure.code, failure.message)
    return Verdict(reached, None, "and its history" if state is not None else "")


def read_json(path: Path) -> Json:
    """Return what is in a JSON file of the caller."""
    value: Json = json.loads(path.read_bytes())
    return value


def main(arguments: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Verify an evidence bundle without LabTrust.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("trust_policy", type=Path)
    parser.add_argument("--max-level", choices=LEVELS, default="L2")
    parser.add_argument("--state", type=Path, help="what was seen of runs; checks the history")
    asked = parser.parse_args(arguments)
    try:
        state: dict[str, Json] | None = None
        if asked.state is not None:
            new: Json = {"version": "0.1", "runs": {}}
            state = table(read_json(asked.state) if asked.state.exists() else new)
        verdict = verify(asked.bundle, read_json(asked.trust_policy), asked.max_level, state)
    except (OSError, ValueError, RecursionError) as error:
        print(f"{asked.trust_policy}: {error}", file=sys.stderr)
        return 2
    print(json.dumps(verdict._asdict(), ensure_ascii=False))
    if verdict.code is None and asked.state is not None:
        asked.state.write_text(form.canonical(state) + "\n", encoding="utf-8")
    return 0 if verdict.code is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
