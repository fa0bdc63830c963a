"""Forgeries of agents' signatures: the producer signs the bundle, but has not the agents' keys.

Where he has some of them, it is said.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from labtrust_core.trust.signatures import sign_event

from labtrust_export.testing.forge_notes import malleable
from labtrust_export.testing.forgery import Forged, Good, forges, good
from labtrust_export.testing.sealing import Files, Record, relinked, sealed
from labtrust_export.testing.signers import ATTACKER

_SIGNED = ("signed", "roster")
_OUTDATED = {
    "ed25519:key_revoked": "A_INSIDER_0",
    "ed25519:key_expired": "A_RUNNER",
    "ed25519:key_past_its_time": "A_RUNNER",
    "ed25519:key_not_yet_valid": "A_RUNNER",
}

Edit = Callable[[Record], object]


def _another(action: str) -> str:
    return "NOOP" if action != "NOOP" else "OPEN_DOOR"


def _setting(**values: str) -> Edit:
    """Return what sets fields of an event."""

    def edit(event: Record) -> None:
        event.update(values)

    return edit


def _accepted(bundle: Good) -> list[int]:
    """Return the places of accepted events of agents that are signed."""
    return [
        index
        for index, record in enumerate(bundle.records)
        if record.get("origin") == "agent"
        and record["outcome"]["status"] == "ACCEPTED"
        and "signature" in record["event"]
    ]


def _edited(bundle: Good, index: int, edit: Edit) -> Files:
    """Return the bundle with one event changed, and its signature left as the edit leaves it."""
    records = bundle.records
    edit(records[index]["event"])
    lines = relinked(records, bundle.episode.agents, keep={index})
    return sealed(bundle.told(lines))


def _resigned(bundle: Good, index: int, key_id: str, head: str | None = None) -> Files:
    """Return the bundle with one event signed by another key, or over another head."""
    records = bundle.records
    event = records[index]["event"]
    records[index]["event"] = sign_event(
        {name: value for name, value in event.items() if name != "signature"},
        key_id=key_id,
        private=bundle.episode.agents[key_id],
        episode=records[0]["body"]["config"]["episode"],
        head=records[index]["prev"] if head is None else head,
    )
    lines = relinked(records, bundle.episode.agents, keep={index})
    return sealed(bundle.told(lines))


@forges(
    "agent-unsigned",
    "takes the signature off an action that must have one",
    level="L1",
    bases=(*_SIGNED, "charged"),
    holes=("S06",),
)
def agent_unsigned(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action whose signature is missing."""
    for index in _accepted(bundle):
        for what, names in {
            "both": ("signature", "key_id"),
            "signature": ("signature",),
            "key": ("key_id",),
        }.items():

            def strip(event: Record, names: tuple[str, ...] = names) -> None:
                for name in names:
                    del event[name]

            files = _edited(bundle, index, strip)
            yield Forged(f"{index}-{what}", files, "AGENT_SIGNATURE_MISSING")


@forges(
    "agent-unknown-key",
    "names a key that is not registered",
    level="L1",
    bases=_SIGNED,
)
def agent_unknown_key(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action under a key that nobody knows."""
    for index in _accepted(bundle):
        for name in ("attacker", "", "ED25519:KEY_SECURITY"):
            files = _edited(bundle, index, _setting(key_id=name))
            yield Forged(f"{index}-{name or 'empty'}", files, "AGENT_KEY_UNKNOWN")


@forges(
    "agent-other-key",
    "acts under another agent's name, or has another agent sign for him with a good key",
    level="L1",
    bases=_SIGNED,
    holes=("S06",),
)
def agent_other_key(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action that another agent's key has signed."""
    for index in _accepted(bundle):
        own = bundle.records[index]["event"]["agent_id"]
        keys = sorted(bundle.records[0]["body"]["keys"].items())
        others = [
            key_id for key_id, key in keys if key["agent_id"] != own and key["status"] == "ACTIVE"
        ]
        for key_id in others if bundle.thorough else others[index % 4 :: 4]:
            files = _resigned(bundle, index, key_id)
            yield Forged(f"{index}-{key_id[8:]}", files, "AGENT_KEY_MISMATCH")


@forges(
    "agent-impersonated",
    "writes another agent's name into an action, its signature left alone",
    level="L1",
    bases=(*_SIGNED, "charged"),
    holes=("S01", "B14"),
)
def agent_impersonated(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action of another agent."""
    agents = sorted(bundle.records[0]["body"]["roster"])
    for index in _accepted(bundle):
        own = bundle.records[index]["event"]["agent_id"]
        for name in (*(agents if bundle.thorough else agents[index % 3 :: 3]), "EVIL"):
            if name != own:
                files = _edited(bundle, index, _setting(agent_id=name))
                yield Forged(f"{index}-{name}", files, "AGENT_KEY_MISMATCH")


@forges(
    "agent-old-key",
    "signs with a key that is revoked, expired or not yet valid",
    level="L1",
    bases=("roster",),
)
def agent_old_key(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action under a key outside its life."""
    for index in _accepted(bundle):
        for key_id, agent in _OUTDATED.items():
            if bundle.records[index]["event"]["agent_id"] == agent:
                files = _resigned(bundle, index, key_id)
                yield Forged(f"{index}-{key_id[8:]}", files, "AGENT_KEY_VALIDITY")


@forges(
    "agent-content",
    "changes what an agent signed: action, arguments, time, tokens, words",
    level="L1",
    bases=_SIGNED,
    holes=("S01", "B14", "B15"),
)
def agent_content(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action that its agent did not sign so."""
    edits: dict[str, Edit] = {
        "action": lambda event: event.update(action_type=_another(event["action_type"])),
        "arguments": lambda event: event.setdefault("args", {}).update(specimen_id="S99"),
        "no-arguments": lambda event: event.pop("args", None) or event.update(rationale="none"),
        "tokens": lambda event: event.update(token_refs=["T_ANY"]),
        "rationale": lambda event: event.update(rationale="I was told to"),
        "reason": lambda event: event.update(reason_code="TIME_EXPIRED_"),
        "tool": lambda event: event.update(tool_id="any"),
        "id": lambda event: event.update(event_id=event["event_id"] + "x"),
        "decomposed": lambda event: event.update(rationale="e\u0301"),
        "bidi": lambda event: event.update(rationale="\u202eon"),
        "head": lambda event: event.update(head="0" * 64),
    }
    for index in _accepted(bundle):
        for what, edit in edits.items():
            yield Forged(f"{index}-{what}", _edited(bundle, index, edit), "AGENT_SIGNATURE_BAD")


@forges(
    "agent-signature",
    "puts something in the place of an agent's signature",
    level="L1",
    bases=_SIGNED,
    holes=("S06", "B27"),
)
def agent_signature(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with an action whose signature is none of its key."""
    replayed = good("roster" if bundle.name == "signed" else "signed").records
    others = [item["event"]["signature"] for item in replayed[1:-1] if "signature" in item["event"]]
    for index in _accepted(bundle):
        right = bundle.records[index]["event"]["signature"]
        raw = base64.b64decode(right)
        bad = {
            "sentinel": "GOLDEN_TEST_ACCEPT",
            "placeholder": "VALID",
            "empty": "",
            "zeros": base64.b64encode(bytes(64)).decode(),
            "malleable": base64.b64encode(malleable(raw)).decode(),
            "url-safe": right.replace("+", "-").replace("/", "_"),
            "no-padding": right.rstrip("="),
            "line-feed": right + "\n",
            "another-episode": others[index % len(others)],
            "short": base64.b64encode(raw[:-1]).decode(),
            "twice": base64.b64encode(raw * 2).decode(),
            "attackers": base64.b64encode(ATTACKER.private.sign(raw)).decode(),
        }
        for what, text in bad.items():
            if text != right:
                files = _edited(bundle, index, _setting(signature=text))
                yield Forged(f"{index}-{what}", files, "AGENT_SIGNATURE_BAD")


@forges(
    "agent-replayed",
    "plays an agent's signed action again, from another episode or an earlier place",
    level="L1",
    bases=_SIGNED,
    holes=("B16", "B30"),
)
def agent_replayed(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with a signed action that belongs elsewhere."""
    for index in _accepted(bundle):
        records = bundle.records
        event = records[index]["event"]
        elsewhere = sign_event(
            {name: value for name, value in event.items() if name != "signature"},
            key_id=event["key_id"],
            private=bundle.episode.agents[event["key_id"]],
            episode="golden/another",
            head=event["head"],
        )
        event["signature"] = elsewhere["signature"]
        lines = relinked(records, bundle.episode.agents, keep={index})
        yield Forged(f"{index}-other-episode", sealed(bundle.told(lines)), "AGENT_SIGNATURE_BAD")


@forges(
    "agent-stale-head",
    "has an agent's action taken from another history: the head that it names is not in this one",
    level="L1",
    bases=_SIGNED,
    holes=("S01", "B16", "B19"),
)
def agent_stale_head(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with a signed action over a head that the log did not have."""
    foreign = good("roster" if bundle.name == "signed" else "signed").records
    for index in _accepted(bundle):
        key_id = bundle.records[index]["event"]["key_id"]
        heads = {
            "zeros": "0" * 64,
            "other-episode": foreign[2]["prev"],
            "of-the-future": bundle.records[-1]["prev"],
            "capitals": bundle.records[index]["prev"].upper(),
        }
        for what, head in heads.items():
            files = _resigned(bundle, index, key_id, head)
            yield Forged(f"{index}-{what}", files, "AGENT_HEAD_STALE")
    for index in range(len(bundle.records)):
        if any(place > index for place in _accepted(bundle)):
            records = bundle.records
            if index == 0:
                records[0]["body"]["config"]["seed"] += 1
            elif records[index]["outcome"]["status"] == "BLOCKED":
                records[index]["event"]["rationale"] = "I was told to"
            else:
                continue
            files = sealed(bundle.told(relinked(records)))
            yield Forged(f"history-{index}", files, "AGENT_HEAD_STALE")
