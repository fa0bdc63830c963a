"""How fast and in how much memory a bundle is verified: signed records a second at level L1.

    python benchmarks/verify_speed.py                       20,000 records
    python benchmarks/verify_speed.py --records 1000000     a long one (minutes, 800 MB of disk)

The ledger is made up: one agent who does nothing, signed each time, in a domain without receipts.
Where a bundle has receipts, what they tell of each specimen and result is kept as well.
"""

from __future__ import annotations

import argparse
import base64
import gc
import hashlib
import resource
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from labtrust_core import __version__
from labtrust_core.canonical import canonical_bytes, encode_plain, sha256_hex
from labtrust_core.domains import open_documents
from labtrust_core.ledger.chain import Chain
from labtrust_core.policy.snapshot import document_digests
from labtrust_core.trust.key_files import SigningKey
from labtrust_core.trust.keys import encode_public_key
from labtrust_core.trust.notes import Checkpoint, Note, sign_note
from labtrust_core.trust.signatures import ACTION_TYPE, pre_authentication
from labtrust_export.envelope import signed
from labtrust_export.statement import (
    EPISODE_LOG,
    MANIFEST,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
)
from labtrust_export.trust_policy import TrustPolicy
from labtrust_export.verify.codes import Level
from labtrust_export.verify.verifier import verify_bundle

EPISODE = "speed"
KEY_ID = "ed25519:agent"


def main() -> None:
    """Make a bundle, verify it, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000, help="signed events")
    parser.add_argument("--level", choices=("L0", "L1", "L2"), default="L1")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        trust = make_bundle(Path(place), args.records)
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun, work = time.perf_counter(), time.process_time()
        report = verify_bundle(Path(place), trust, upto=Level(args.level))
        took, work = time.perf_counter() - begun, time.process_time() - work
    if not report.ok:
        raise SystemExit(report.text())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{args.records} signed records at {args.level} in {took:.1f} s")
    print(f"{args.records / work:.0f} records a second of one core's time")
    print(f"peak memory {peak / 1024:.0f} MB, of which {before / 1024:.0f} MB before verifying")


def make_bundle(place: Path, records: int) -> TrustPolicy:
    """Write a bundle of so many signed events, and return who trusts it."""
    agent = Ed25519PrivateKey.from_private_bytes(b"a" * 32)
    owner = SigningKey("speed", Ed25519PrivateKey.from_private_bytes(b"o" * 32))
    policy = open_documents().documents
    keys = {
        KEY_ID: {
            "agent_id": "A_RUNNER",
            "not_after_s": None,
            "not_before_s": None,
            "public_key": encode_public_key(agent),
            "role_id": "ROLE_RUNNER",
            "status": "ACTIVE",
        }
    }
    start = {
        "config": {
            "break_chain_on": None,
            "episode": EPISODE,
            "seed": 0,
            "signatures_required": True,
            "simulated": False,
        },
        "domain": "speed",
        "engine": __version__,
        "keys": keys,
        "keys_digest": sha256_hex(canonical_bytes(keys)),
        "partner": None,
        "policy_fingerprint": policy.fingerprint,
        "roster": {"A_RUNNER": "ROLE_RUNNER"},
        "scenario": {},
        "scenario_digest": sha256_hex(b"{}"),
        "world": "0" * 64,
    }
    log = place / EPISODE_LOG
    with log.open("wb") as file:
        chain = Chain(lambda line: file.write(line + b"\n"))
        first = chain.start(0, start)
        for number in range(records):
            chain.event(number * 60, "agent", _event(agent, number, chain.head), OUTCOME)
        chain.end(records * 60, "completed")
    note = Checkpoint(f"labtrust/episode/{first}", chain.length, bytes.fromhex(chain.root())).text
    line = sign_note(note, owner.name, owner.private)
    (place / "checkpoint").write_bytes(str(Note(note, (line,))).encode())
    (place / "policy.json").write_bytes(policy.snapshot + b"\n")
    (place / MANIFEST).write_bytes(_manifest(place, owner, start, chain, policy.snapshot))
    return TrustPolicy(
        log_keys=(owner.public(),),
        bundle_keys=(owner.public(),),
        policies=(policy.fingerprint,),
        agent_keys=(str(start["keys_digest"]),),
    )


OUTCOME = {"role": "ROLE_RUNNER", "status": "ACCEPTED"}


def _event(key: Ed25519PrivateKey, number: int, head: str) -> dict[str, object]:
    event: dict[str, object] = {
        "action_type": "NOOP",
        "agent_id": "A_RUNNER",
        "event_id": f"E{number}",
        "head": head,
        "key_id": KEY_ID,
        "t_s": number * 60,
    }
    body = encode_plain({"episode": EPISODE, "event": event})
    raw = key.sign(pre_authentication(ACTION_TYPE, body))
    event["signature"] = base64.b64encode(raw).decode()
    return event


def _manifest(
    place: Path, owner: SigningKey, start: Mapping[str, object], chain: Chain, snapshot: bytes
) -> bytes:
    """Return the manifest of a bundle whose other files are written."""
    names = sorted(item.name for item in place.iterdir())
    payload = {
        "_type": STATEMENT_TYPE,
        "predicate": {
            "episode": {
                "domain": start["domain"],
                "engine": start["engine"],
                "events": chain.events,
                "head": chain.head,
                "id": EPISODE,
                "partner": None,
                "reason": "completed",
                "records": chain.length,
                "root": chain.root(),
                "seed": 0,
            },
            "exporter": "verify_speed",
            "fingerprints": document_digests(snapshot),
            "keys_digest": start["keys_digest"],
            "policy_fingerprint": start["policy_fingerprint"],
            "receipts": None,
            "run": None,
            "version": "0.1",
        },
        "predicateType": PREDICATE_TYPE,
        "subject": [{"digest": {"sha256": _digest(place / name)}, "name": name} for name in names],
    }
    signers = [(owner.name, owner.private)]
    return signed(PAYLOAD_TYPE, canonical_bytes(payload), signers).encoded()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
