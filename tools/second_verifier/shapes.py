"""The shapes of what stands in evidence, for the second verifier; `fits` says how to read them.

Written from `docs/reference/evidence.md` and `docs/reference/ledger.md` alone.
"""

from __future__ import annotations

from typing import Final

from second_verifier.formats import Shape

ENVELOPE: Final[Shape] = {
    "payload": "base64",
    "payloadType": "text",
    "signatures": [{"keyid": "text", "sig": "base64"}],
}
_REASON: Final = ("=completed", "=aborted", "=recovered")
STATEMENT: Final[Shape] = {
    "_type": "=https://in-toto.io/Statement/v1",
    "predicateType": "=urn:labtrust:evidence-bundle:v0.1",
    "subject": [{"name": "text", "digest": {"sha256": "digest"}}],
    "predicate": {
        "version": "=0.1",
        "exporter": "text",
        "episode": {
            "id": "text",
            "seed": "integer",
            "domain": "text",
            "partner": ("text", "null"),
            "engine": "text",
            "reason": _REASON,
            "records": "number",
            "events": "number",
            "head": "digest",
            "root": "digest",
        },
        "policy_fingerprint": "digest",
        "fingerprints": {"*": "digest"},
        "keys_digest": "digest",
        "receipts": ("null", {"results": "number", "specimens": "number"}),
        "run": ("null", {"origin": "text", "number": "number", "size": "number"}),
    },
}

_PLACED: Final[dict[str, Shape]] = {"v": "one", "seq": "number", "prev": "digest"}
_TIMED: Final[dict[str, Shape]] = {**_PLACED, "t": "number"}
_EVENT: Final[dict[str, Shape]] = {
    **_TIMED,
    "kind": "=event",
    "origin": ("=agent", "=clockwork", "=enforcement"),
    "event": "object",
    "outcome": "object",
}
_END: Final[Shape] = {
    "events": "number",
    "reason": _REASON,
    "world": ("digest", "null"),
    "root": "digest",
}
LOG_RECORD: Final[Shape] = (
    _EVENT,
    {**_EVENT, "world": "digest"},
    {**_TIMED, "kind": "=start", "body": "object"},
    {**_TIMED, "kind": "=end", "body": _END, "check": "digest"},
)
START: Final[Shape] = {
    "config": {
        "episode": "text",
        "seed": "integer",
        "signatures_required": "truth",
        "simulated": "truth",
        "...": "null",
    },
    "domain": "text",
    "engine": "text",
    "keys": {
        "*": {
            "agent_id": "text",
            "role_id": "text",
            "public_key": "text",
            "status": "text",
            "not_before_s": ("integer", "null"),
            "not_after_s": ("integer", "null"),
            "...": "null",
        }
    },
    "keys_digest": "digest",
    "partner": ("text", "null"),
    "policy_fingerprint": "digest",
    "roster": {"*": "text"},
    "scenario": ("object", "null"),
    "scenario_digest": "digest",
    "world": "digest",
    "...": "null",
}
POLICY: Final[Shape] = {
    "documents": {"*": "object"},
    "order": [{"keys": ["text"], "path": [("text", "number")]}],
}
EVENT: Final[Shape] = {
    "action_type": "name",
    "agent_id": "name",
    "event_id": "name",
    "t_s": "number",
    "args?": "object",
    "head?": "text",
    "key_id?": "text",
    "rationale?": "text",
    "reason_code?": "text",
    "signature?": "text",
    "tool_id?": "text",
    "token_refs?": ["text"],
}
OUTCOME: Final[Shape] = {
    "status": ("=ACCEPTED", "=BLOCKED"),
    "data?": "object",
    "detail?": "text",
    "reason?": "text",
    "role?": "text",
    "emits?": ["text"],
    "evaluated?": ["text"],
    "tokens_consumed?": ["text"],
    "violations?": [
        {"invariant_id": "text", "severity": "text", "reason_code?": "text", "subject?": "text"}
    ],
}

_BODIES: Final[dict[str, Shape]] = {
    "plan": {
        "base_seed": "number",
        "num_episodes": "count",
        "run": "object",
        "versions": {"*": "text"},
        "agents": {"*": "text"},
        "policy_fingerprint": "digest",
    },
    "begin": {"number": "number", "seed": "number", "episode": "name"},
    "end": {"number": "number", "records": "count", "head": "digest", "result": "digest"},
    "resume": {"done": "number"},
    "close": {"episodes": "count"},
}
RUN_RECORD: Final[Shape] = tuple(
    {**_PLACED, "kind": f"={kind}", "body": body} for kind, body in _BODIES.items()
)
TRUST_POLICY: Final[Shape] = {
    "version": "=0.1",
    "log_keys": ["text"],
    "witnesses": {"keys": ["text"], "quorum": "number"},
    "bundle_keys": ["text"],
    "bundle_threshold": "count",
    "release_keys": ["text"],
    "release_threshold": "count",
    "policies": ["digest"],
    "agent_keys": ["digest"],
}
STATE: Final[Shape] = {
    "version": "=0.1",
    "runs": {"*": {"size": "number", "root": "digest"}},
}
