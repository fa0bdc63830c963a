"""Level L1 for the second verifier: who signed, by the caller's trust policy.

Written from `docs/reference/evidence.md` alone; nothing of LabTrust is imported.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from second_verifier import formats as form
from second_verifier import shapes
from second_verifier.bundle import Evidence, public_key
from second_verifier.formats import Json, Key, Note, fits, number, table, texts
from second_verifier.logs import require
from second_verifier.receipts import Record, args_of, event_of, is_accepted

ACTION: Final = "application/vnd.labtrust.action+json"
MAX_COUNT: Final = 1000


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

    counts = (witnesses["quorum"], stated["bundle_threshold"], stated["release_threshold"])
    if any(number(count) > MAX_COUNT for count in counts):
        raise ValueError(f"a quorum or threshold is more than {MAX_COUNT}")

    def keys(names: Json, kind: int) -> list[Key]:
        found = [form.read_key(name, kind) for name in texts(names)]
        if len({key.public for key in found}) < len(found):
            raise ValueError("a key stands in a list twice")
        return found

    for name in ("policies", "agent_keys"):
        digests = texts(stated[name])
        if len(set(digests)) < len(digests):
            raise ValueError(f"a digest stands in {name} twice")
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
