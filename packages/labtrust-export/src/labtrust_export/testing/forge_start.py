"""Forgeries of what an episode began with: start record, keys, scenario, policy."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Final

from labtrust_core.canonical import canonical_bytes, sha256_hex

from labtrust_export.testing.fields import at, retyped, with_value, without, written
from labtrust_export.testing.forgery import Forged, Good, forges
from labtrust_export.testing.sealing import (
    LOG_FILE,
    POLICY,
    Files,
    Record,
    checkpoints,
    joined,
    policy_of,
    relinked,
    resealed,
)
from labtrust_export.testing.spelling import misspelled

_PRIME: Final = 2**255 - 19
_ORDER_EIGHT: Final = (
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    55188659117513257062467267217118295137698188065244968500265048394206261417927,
)
_FIELDS: Final = (
    ("config",),
    ("config", "episode"),
    ("config", "seed"),
    ("config", "signatures_required"),
    ("config", "simulated"),
    ("domain",),
    ("engine",),
    ("keys",),
    ("keys_digest",),
    ("policy_fingerprint",),
    ("roster",),
    ("scenario_digest",),
    ("world",),
)


def _begun(bundle: Good, records: list[Record]) -> Files:
    """Return the bundle with another start, log and note made to fit and signed."""
    files = bundle.files | {LOG_FILE: joined(relinked(records))}
    return resealed(checkpoints(files))


def weak_keys() -> dict[str, bytes]:
    """Return public keys that must not be accepted, by what is wrong with them."""
    ys = {
        "zero": 0,
        "one": 1,
        "minus-one": _PRIME - 1,
        "order-eight": _ORDER_EIGHT[0],
        "order-eight-too": _ORDER_EIGHT[1],
        "not-canonical-zero": _PRIME,
        "not-canonical-one": _PRIME + 1,
        "not-canonical-three": _PRIME + 3,
        "no-point": 2,
        "all-ones": 2**255 - 1,
    }
    found = {name: y.to_bytes(32, "little") for name, y in ys.items()}
    signs = {
        f"{name}-sign": (y | 1 << 255).to_bytes(32, "little")
        for name, y in ys.items()
        if name != "no-point"
    }
    return found | signs


@forges(
    "start-shape",
    "leaves a field of the start record out or gives it another type",
    level="L0",
    bases=("signed", "clocked"),
)
def start_shape(bundle: Good) -> Iterator[Forged]:
    """Yield logs whose start record lacks something."""
    for path in _FIELDS:
        for what, change in (("without", without), ("retyped", None)):
            records = bundle.records
            body = records[0]["body"]
            records[0]["body"] = (
                change(body, path)
                if change is not None
                else with_value(body, path, retyped(at(body, path)))
            )
            yield Forged(f"{what}-{written(path)}", _begun(bundle, records), "START_SCHEMA")


@forges(
    "keys-registered",
    "adds, removes or exchanges a key of the register, its digest left alone",
    level="L0",
    bases=("signed", "clocked"),
)
def keys_registered(bundle: Good) -> Iterator[Forged]:
    """Yield logs whose keys are not those of their digest."""
    for name in sorted(bundle.records[0]["body"]["keys"]):
        gone, moved = bundle.records, bundle.records
        del gone[0]["body"]["keys"][name]
        moved[0]["body"]["keys"][name]["agent_id"] += "x"
        for what, records in (("without", gone), ("moved", moved)):
            yield Forged(f"{what}-{name}", _begun(bundle, records), "KEYS_DIGEST")
    for digit in "01":
        records = bundle.records
        records[0]["body"]["keys_digest"] = digit * 64
        yield Forged(f"digest-{digit}", _begun(bundle, records), "KEYS_DIGEST")


@forges(
    "keys-weak",
    "registers a key under which anything verifies, or which has two spellings",
    level="L0",
    bases=("signed",),
)
def keys_weak(bundle: Good) -> Iterator[Forged]:
    """Yield logs with a weak key, its digest made to fit."""
    for what, raw in weak_keys().items():
        records = bundle.records
        body = records[0]["body"]
        name = min(body["keys"])
        body["keys"][name]["public_key"] = base64.b64encode(raw).decode()
        body["keys_digest"] = sha256_hex(canonical_bytes(body["keys"]))
        yield Forged(what, _begun(bundle, records), "KEYS_WEAK")


@forges(
    "scenario-changed",
    "lets the episode begin with something else, its digest left alone",
    level="L0",
    bases=("signed", "clocked"),
)
def scenario_changed(bundle: Good) -> Iterator[Forged]:
    """Yield logs whose scenario is not that of its digest."""
    for what, change in {"added": {"zz": 1}, "specimens": {"specimens": []}}.items():
        records = bundle.records
        records[0]["body"]["scenario"] |= change
        yield Forged(what, _begun(bundle, records), "SCENARIO_DIGEST")
    records = bundle.records
    records[0]["body"]["scenario"] = {}
    yield Forged("emptied", _begun(bundle, records), "SCENARIO_DIGEST")
    records = bundle.records
    records[0]["body"]["scenario_digest"] = "0" * 64
    yield Forged("digest-zeros", _begun(bundle, records), "SCENARIO_DIGEST")


@forges(
    "policy-spelling",
    "spells the policy otherwise",
    level="L0",
    bases=("signed",),
)
def policy_spelling(bundle: Good) -> Iterator[Forged]:
    """Yield policies that are not canonical."""
    for what, bad in misspelled(bundle.episode.policy):
        files = bundle.files | {POLICY: bad + b"\n"}
        yield Forged(what, resealed(files), "POLICY_NOT_CANONICAL")
    files = bundle.files | {POLICY: bundle.episode.policy}
    yield Forged("no-line-feed", resealed(files), "POLICY_NOT_CANONICAL")


@forges(
    "policy-shape",
    "puts something that is no policy in its place",
    level="L0",
    bases=("signed",),
    holes=("S09",),
)
def policy_shape(bundle: Good) -> Iterator[Forged]:
    """Yield policies of another shape."""
    right = json.loads(bundle.episode.policy)
    item = right["order"][0]
    keys = {"keys": [*item["keys"], "zz"]}
    for what, data in {
        "empty": {},
        "list": {"documents": [], "order": []},
        "text": {"documents": {"rbac": "allow"}, "order": []},
        "extra": right | {"partner": "x"},
        "renamed": {"policy": right["documents"], "order": []},
        "no-order": {"documents": right["documents"]},
        "order-of-nothing": right | {"order": [{"keys": ["a"], "path": ["zz"]}, *right["order"]]},
        "order-of-other-keys": right | {"order": [item | keys, *right["order"][1:]]},
        "order-twice": right | {"order": [item, *right["order"]]},
        "order-backwards": right | {"order": right["order"][::-1]},
    }.items():
        files = bundle.files | {POLICY: canonical_bytes(data) + b"\n"}
        yield Forged(what, resealed(files), "POLICY_SCHEMA")


@forges(
    "policy-swapped",
    "puts a weaker policy in place of the one in force",
    level="L0",
    bases=("signed", "clocked"),
    holes=("S09", "B25"),
)
def policy_swapped(bundle: Good) -> Iterator[Forged]:
    """Yield policies that are not that of the fingerprint."""
    documents = json.loads(bundle.episode.policy)["documents"]
    for name in sorted(documents):
        rest = {key: value for key, value in documents.items() if key != name}
        data = policy_of(bundle.episode.policy, rest) + b"\n"
        files = resealed(bundle.files | {POLICY: data})
        yield Forged(f"without-{name}", files, "POLICY_FINGERPRINT")
    right = json.loads(bundle.episode.policy)
    for what, order in {
        "unordered": [],
        "half-ordered": right["order"][1:],
    }.items():
        data = canonical_bytes(right | {"order": order}) + b"\n"
        files = resealed(bundle.files | {POLICY: data})
        yield Forged(what, files, "POLICY_FINGERPRINT")
    for digit in "01":
        records = bundle.records
        records[0]["body"]["policy_fingerprint"] = digit * 64
        yield Forged(f"fingerprint-{digit}", _begun(bundle, records), "POLICY_FINGERPRINT")


_EVENT_FORMS: Final[dict[str, tuple[str, Record]]] = {
    "no-agent": ("event", {"agent_id": ""}),
    "number-for-agent": ("event", {"agent_id": 7}),
    "no-action": ("event", {"action_type": ""}),
    "no-id": ("event", {"event_id": ""}),
    "negative-time": ("event", {"t_s": -1}),
    "fraction-of-time": ("event", {"t_s": 0.5}),
    "time-as-text": ("event", {"t_s": "0"}),
    "list-of-arguments": ("event", {"args": []}),
    "token-for-tokens": ("event", {"token_refs": "T1"}),
    "tokens-of-numbers": ("event", {"token_refs": [1]}),
    "unknown-field": ("event", {"approved": True}),
    "status-allowed": ("outcome", {"status": "ALLOWED"}),
    "status-small": ("outcome", {"status": "accepted"}),
    "status-true": ("outcome", {"status": True}),
    "list-of-data": ("outcome", {"data": []}),
    "text-of-emits": ("outcome", {"emits": "NONE"}),
    "violation-as-text": ("outcome", {"violations": ["INV-TOK-001"]}),
    "violation-unknown-field": (
        "outcome",
        {"violations": [{"invariant_id": "INV-TOK-001", "severity": "CRITICAL", "waived": True}]},
    ),
    "unknown-outcome": ("outcome", {"approved": True}),
}


@forges(
    "event-shape",
    "records an event or an outcome that is none, and has everybody sign it",
    level="L0",
    bases=("clocked", "amended"),
)
def event_shape(bundle: Good) -> Iterator[Forged]:
    """Yield logs with an event or outcome of another shape."""
    places = [
        index
        for index, record in enumerate(bundle.records)
        if record["kind"] == "event" and record["outcome"]["status"] == "ACCEPTED"
    ]
    for index in places if bundle.thorough else (places[0], places[-1]):
        for what, (part, change) in _EVENT_FORMS.items():
            records = bundle.records
            records[index][part] |= change
            yield Forged(f"{index}-{what}", _begun(bundle, records), "RECORD_SCHEMA")
        for part, name in (
            ("event", "agent_id"),
            ("event", "action_type"),
            ("event", "event_id"),
            ("event", "t_s"),
            ("outcome", "status"),
        ):
            records = bundle.records
            del records[index][part][name]
            yield Forged(f"{index}-without-{name}", _begun(bundle, records), "RECORD_SCHEMA")
