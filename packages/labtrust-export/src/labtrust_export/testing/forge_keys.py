"""Forgeries that only keys tell apart: the bytes fit, somebody else signed, or nobody did."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.trust.keys import encode_public_key
from labtrust_core.trust.signatures import pre_authentication

from labtrust_export.envelope import Envelope, dsse_id, read_envelope, signed
from labtrust_export.testing.forge_notes import malleable
from labtrust_export.testing.forgery import Forged, Good, forges, good, honest_trust
from labtrust_export.testing.sealing import (
    LOG_FILE,
    MANIFEST,
    POLICY,
    RECEIPTS,
    STATEMENT_TYPE,
    Files,
    Record,
    checkpoints,
    joined,
    manifested,
    parsed,
    policy_of,
    receipts,
    rehashed,
    relinked,
    sealed,
    statement_in,
    under_old_signatures,
)
from labtrust_export.testing.signers import (
    ATTACKER,
    FOREIGN,
    HONEST,
    IMPOSTORS,
    MAKERS,
    RELEASER,
    Signers,
    signer,
)

_Signatures = tuple[tuple[str, bytes], ...]


def _with_signatures(bundle: Good, signatures: _Signatures) -> Files:
    envelope = read_envelope(bundle.files[MANIFEST])
    again = Envelope(envelope.payload_type, envelope.payload, signatures)
    return bundle.files | {MANIFEST: again.encoded()}


@forges(
    "envelope-unsigned",
    "takes all signatures off the manifest",
    level="L1",
    bases=("signed", "run", "clocked"),
)
def envelope_unsigned(bundle: Good) -> Iterator[Forged]:
    """Yield manifests that nobody has signed."""
    yield Forged("empty-list", _with_signatures(bundle, ()), "ENVELOPE_UNSIGNED")
    statement = statement_in(bundle.files)
    statement["predicate"]["exporter"] = "nobody"
    files = under_old_signatures(_with_signatures(bundle, ()), statement)
    yield Forged("other-exporter", files, "ENVELOPE_UNSIGNED")


@forges(
    "envelope-signature",
    "puts something under a trusted key's id that this key did not sign",
    level="L1",
    bases=("signed", "run"),
    holes=("S05", "S06", "B26", "B27"),
)
def envelope_signature(bundle: Good) -> Iterator[Forged]:
    """Yield manifests with a bad signature of a trusted key."""
    envelope = read_envelope(bundle.files[MANIFEST])
    first, second = envelope.signatures
    payload = envelope.payload
    other_type = pre_authentication("application/json", payload)
    replayed = read_envelope(good("amended").files[MANIFEST]).signatures[0]
    foreign = ATTACKER.private.sign(pre_authentication(STATEMENT_TYPE, payload))
    bad: dict[str, bytes] = {
        "zeros": bytes(64),
        "ones": b"\xff" * 64,
        "flipped": bytes([first[1][0] ^ 1]) + first[1][1:],
        "short": first[1][:-1],
        "longer": first[1] + b"\0",
        "nothing": b"",
        "sentinel": b"GOLDEN_TEST_ACCEPT",
        "malleable": malleable(first[1]),
        "half-swapped": first[1][32:] + first[1][:32],
        "other-maker": second[1],
        "replayed": replayed[1],
        "attackers": foreign,
        "payload-only": MAKERS[0].private.sign(payload),
        "other-type": MAKERS[0].private.sign(other_type),
        "base64-payload": MAKERS[0].private.sign(base64.b64encode(payload)),
        "low-order": bytes([1, *bytes(63)]),
    }
    for what, raw in bad.items():
        files = _with_signatures(bundle, ((first[0], raw), second))
        yield Forged(what, files, "ENVELOPE_SIGNATURE")
        if bundle.name == "signed":
            files = _with_signatures(bundle, (*envelope.signatures, (second[0], raw)))
            if raw != second[1]:
                yield Forged(f"{what}-beside-good", files, "ENVELOPE_SIGNATURE")


@forges(
    "envelope-foreign",
    "signs with his own key, under his name, a trusted name or a trusted name's new key",
    level="L1",
    bases=("signed", "run"),
    holes=("S05", "B26"),
)
def envelope_foreign(bundle: Good) -> Iterator[Forged]:
    """Yield manifests that no trusted key has signed."""
    message = pre_authentication(STATEMENT_TYPE, read_envelope(bundle.files[MANIFEST]).payload)
    right = dsse_id(MAKERS[0].public())
    own = {
        "own-name": dsse_id(ATTACKER.public()),
        "trusted-name": dsse_id(IMPOSTORS.makers[0].public()),
        "no-id": "",
        "name-only": MAKERS[0].name,
        "id-only": MAKERS[0].public().key_id.hex(),
        "capitals": right.upper(),
        "blank-behind": right + " ",
        "written-form": str(MAKERS[0].public()),
        "releaser": dsse_id(RELEASER.public()),
        "log-key": dsse_id(HONEST.log.public()),
        "witness": dsse_id(HONEST.witnesses[0].public(4)),
    }
    keys = {"releaser": RELEASER, "log-key": HONEST.log, "witness": HONEST.witnesses[0]}
    keys |= {"trusted-name": IMPOSTORS.makers[0], "own-name": ATTACKER}
    for what, key_id in own.items():
        raw = keys.get(what, MAKERS[0]).private.sign(message)
        files = _with_signatures(bundle, ((key_id, raw),))
        yield Forged(what, files, "ENVELOPE_KEY_UNKNOWN")


@forges(
    "envelope-threshold",
    "has one of the two signatures that are asked for",
    level="L1",
    bases=("signed", "run"),
)
def envelope_threshold(bundle: Good) -> Iterator[Forged]:
    """Yield manifests that too few trusted keys have signed."""
    envelope = read_envelope(bundle.files[MANIFEST])
    foreign = signed(STATEMENT_TYPE, envelope.payload, [ATTACKER]).signatures[0]
    for index, one in enumerate(envelope.signatures):
        for what, signatures in {
            "alone": (one,),
            "twice": (one, one),
            "and-a-foreign": (one, foreign),
            "under-another-name": (
                one,
                (dsse_id(signer("test.labtrust/third", MAKERS[0].name).public()), one[1]),
            ),
        }.items():
            files = _with_signatures(bundle, signatures)
            yield Forged(f"{index}-{what}", files, "ENVELOPE_THRESHOLD")


@forges(
    "rehashed",
    "changes the log with everything that follows from it, and leaves the old signatures",
    level="L1",
    bases=("clocked", "amended", "run"),
    holes=("S01", "S02", "B14", "B15", "B16", "B19"),
)
def rehashed_only(bundle: Good) -> Iterator[Forged]:
    """Yield bundles that fit in every byte and that nobody has signed."""
    for index in range(1, len(bundle.records) - 1):
        records = bundle.records
        records[index]["event"]["rationale"] = "I was told to"
        files = _remade(bundle, records, FOREIGN)
        statement = statement_in(files)
        signatures = json.loads(bundle.files[MANIFEST])
        files = under_old_signatures(
            files | {MANIFEST: canonical_bytes(signatures) + b"\n"}, statement
        )
        code = "RUNLOG_EPISODE" if bundle.episode.run else "ENVELOPE_SIGNATURE"
        if not bundle.episode.run:
            yield Forged(str(index), files, code)
    statement = statement_in(bundle.files)
    statement["predicate"]["exporter"] = "somebody else"
    yield Forged("exporter", under_old_signatures(bundle.files, statement), "ENVELOPE_SIGNATURE")
    yield Forged(
        "note-resigned", rehashed(checkpoints(bundle.files, FOREIGN)), "ENVELOPE_SIGNATURE"
    )


def _remade(bundle: Good, records: list[Record], signers: Signers) -> Files:
    """Return the bundle with a changed log and all that follows from it, signed."""
    episode = bundle.told(relinked(records, bundle.episode.agents))
    return sealed(episode, signers)


@forges(
    "keys-stolen-in-part",
    "rewrites the log and signs all of it, with some of the honest keys and his own",
    level="L1",
    bases=("clocked", "amended"),
    holes=("S01", "S05"),
)
def keys_stolen_in_part(bundle: Good) -> Iterator[Forged]:
    """Yield rewritten bundles that are signed with some honest keys only."""
    for index in (1, len(bundle.records) // 2):
        records = bundle.records
        records[index]["event"]["rationale"] = "I was told to"
        for what, signers, code in (
            ("none", FOREIGN, "ENVELOPE_KEY_UNKNOWN"),
            ("impostors", IMPOSTORS, "ENVELOPE_KEY_UNKNOWN"),
            ("one-maker", replace(FOREIGN, makers=MAKERS[:1]), "ENVELOPE_THRESHOLD"),
            ("makers", replace(FOREIGN, makers=MAKERS), "CHECKPOINT_KEY_UNKNOWN"),
            ("makers-impostors", replace(IMPOSTORS, makers=MAKERS), "CHECKPOINT_KEY_UNKNOWN"),
            ("log", replace(FOREIGN, log=HONEST.log), "ENVELOPE_KEY_UNKNOWN"),
            ("log-and-makers", replace(HONEST, witnesses=FOREIGN.witnesses), "CHECKPOINT_WITNESS"),
            ("one-witness", replace(HONEST, witnesses=HONEST.witnesses[:1]), "CHECKPOINT_WITNESS"),
        ):
            yield Forged(f"{index}-{what}", _remade(bundle, records, signers), code)


_NOBODY: Final[dict[str, tuple[list[str], str]]] = {
    "log_keys": ([], "CHECKPOINT_KEY_UNKNOWN"),
    "bundle_keys": ([], "ENVELOPE_KEY_UNKNOWN"),
    "policies": ([], "POLICY_NOT_TRUSTED"),
    "agent_keys": ([], "KEYS_NOT_TRUSTED"),
}


@forges(
    "trusted-by-nobody",
    "shows an honest bundle to somebody who trusts other keys, or nobody",
    level="L1",
    bases=("signed", "run", "clocked"),
)
def trusted_by_nobody(bundle: Good) -> Iterator[Forged]:
    """Yield good bundles and callers who do not trust what stands behind them."""
    for field, (nobody, code) in _NOBODY.items():
        trust = honest_trust() | {field: nobody}
        yield Forged(f"no-{field}", bundle.files, code, trust=trust)
    for field, strangers in {
        "log_keys": [str(ATTACKER.public())],
        "bundle_keys": [str(ATTACKER.public()), str(RELEASER.public())],
        "policies": ["0" * 64],
        "agent_keys": ["0" * 64],
    }.items():
        trust = honest_trust() | {field: strangers}
        yield Forged(f"other-{field}", bundle.files, _NOBODY[field][1], trust=trust)
    trust = copy.deepcopy(honest_trust())
    trust["witnesses"] = {"keys": [], "quorum": 1}
    yield Forged("no-witnesses", bundle.files, "CHECKPOINT_WITNESS", trust=trust)
    swapped = honest_trust() | {
        "log_keys": honest_trust()["bundle_keys"],
        "bundle_keys": honest_trust()["log_keys"],
    }
    yield Forged("keys-in-each-others-place", bundle.files, "ENVELOPE_KEY_UNKNOWN", trust=swapped)


@forges(
    "policy-weakened",
    "lets the episode run under a weaker policy, which all papers name rightly",
    level="L1",
    bases=("signed", "clocked"),
    holes=("S09", "B08", "B25"),
)
def policy_weakened(bundle: Good) -> Iterator[Forged]:
    """Yield bundles whose policy is whole, fingerprinted, signed, and not trusted."""
    documents = json.loads(bundle.episode.policy)["documents"]
    for what, changed in {
        "no-invariants": documents | {"invariants": documents["invariants"] | {"invariants": {}}},
        "no-enforcement": documents | {"enforcement": documents["enforcement"] | {"rules": {}}},
        "no-capability": documents
        | {"capabilities": documents["capabilities"] | {"override_actions": []}},
        "one-word": documents | {"zz": {}},
    }.items():
        policy = policy_of(bundle.episode.policy, changed)
        records = bundle.records
        records[0]["body"]["policy_fingerprint"] = sha256_hex(policy)
        lines = relinked(records, bundle.episode.agents)
        files = {
            LOG_FILE: joined(lines),
            POLICY: policy + b"\n",
            RECEIPTS: receipts(lines),
        }
        yield Forged(what, manifested(checkpoints(files)), "POLICY_NOT_TRUSTED")


@forges(
    "keys-shipped",
    "registers his own keys for the agents, in the bundle itself, with the right digest",
    level="L1",
    bases=("signed", "clocked"),
    holes=("S05", "S06", "B26"),
)
def keys_shipped(bundle: Good) -> Iterator[Forged]:
    """Yield bundles whose agents have the attacker's keys."""
    names = sorted(bundle.records[0]["body"]["keys"])
    for what, replaced in {"all": names, "first": names[:1], "last": names[-1:]}.items():
        records = bundle.records
        body = records[0]["body"]
        for name in replaced:
            body["keys"][name]["public_key"] = encode_public_key(ATTACKER.private)
        body["keys_digest"] = sha256_hex(canonical_bytes(body["keys"]))
        agents = dict(bundle.episode.agents) | dict.fromkeys(replaced, ATTACKER.private)
        files = sealed(bundle.told(relinked(records, agents)))
        yield Forged(what, files, "KEYS_NOT_TRUSTED")
    records = bundle.records
    body = records[0]["body"]
    body["keys"]["attacker"] = body["keys"][names[0]] | {
        "public_key": encode_public_key(ATTACKER.private)
    }
    body["keys_digest"] = sha256_hex(canonical_bytes(body["keys"]))
    files = sealed(bundle.told(relinked(records, bundle.episode.agents)))
    yield Forged("one-more", files, "KEYS_NOT_TRUSTED")
    records = bundle.records
    for key in (item for item in records[0]["body"]["keys"].values() if item["status"] != "ACTIVE"):
        key["status"] = "ACTIVE"
    records[0]["body"]["keys_digest"] = sha256_hex(canonical_bytes(records[0]["body"]["keys"]))
    files = sealed(bundle.told(relinked(records, bundle.episode.agents)))
    yield Forged("revoked-alive-again", files, "KEYS_NOT_TRUSTED")


@forges(
    "file-replayed",
    "puts a file of another honest bundle in its place, the manifest rehashed",
    level="L0",
    bases=("signed", "clocked"),
    holes=("B30",),
)
def file_replayed(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with a file of another one."""
    donor = good("amended").files
    codes = {
        LOG_FILE: frozenset({"CHECKPOINT_ORIGIN"}),
        "checkpoint": frozenset({"CHECKPOINT_ORIGIN"}),
        RECEIPTS: frozenset({"RECEIPT_MISMATCH"}),
    }
    for name, code in codes.items():
        files = rehashed(bundle.files | {name: donor[name]})
        yield Forged(name, files, code)
    files = donor | {MANIFEST: bundle.files[MANIFEST]}
    yield Forged("all-but-manifest", files, "BUNDLE_FILE_DIGEST")
    yield Forged("manifest", bundle.files | {MANIFEST: donor[MANIFEST]}, "BUNDLE_FILE_DIGEST")


def start_of(bundle: Good) -> Record:
    """Return the body of a bundle's start record."""
    body: Record = parsed(bundle.episode.lines[:1])[0]["body"]
    return body
