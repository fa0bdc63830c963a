"""A shift with somebody at every bench and work at every stage, watched after every event."""

from __future__ import annotations

import base64
import random
from collections import Counter
from contextlib import suppress
from typing import Any, Final, NamedTuple

from labtrust_core.canonical import NotCanonicalError
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.event import SYSTEM_AGENT, StepResult
from labtrust_core.testing.laboratory import EPISODE, shipped_policy
from labtrust_core.testing.world_invariants import Watch
from labtrust_core.trust.keys import TestKeyBinding, TestKeyring
from labtrust_core.trust.signatures import approval_message, sign_event

PEOPLE: Final = {
    "A_RECEPTION": ("ROLE_RECEPTION", "Z_SRA_RECEPTION"),
    "P_ACCESSION": ("ROLE_RECEPTION", "Z_SRA_RECEPTION"),
    "P_ACUTE": ("ROLE_RECEPTION", "Z_ACUTE_RECEPTION"),
    "P_DOCK": ("ROLE_RECEPTION", "Z_INGRESS_DOCK"),
    "A_RUNNER": ("ROLE_RUNNER", "Z_SORTING_LANES"),
    "P_RUNNER_1": ("ROLE_RUNNER", "Z_SRA_RECEPTION"),
    "P_RUNNER_2": ("ROLE_RUNNER", "Z_ALIQUOT_LABEL"),
    "P_RUNNER_3": ("ROLE_RUNNER", "Z_INGRESS_DOCK"),
    "A_PREAN": ("ROLE_PREANALYTICS", "Z_CENTRIFUGE_BAY"),
    "P_PREAN_1": ("ROLE_PREANALYTICS", "Z_ALIQUOT_LABEL"),
    "A_ANALYTICS": ("ROLE_ANALYTICS", "Z_ANALYZER_HALL_A"),
    "P_ANALYTICS_1": ("ROLE_ANALYTICS", "Z_ANALYZER_HALL_A"),
    "A_OPS_0": ("ROLE_ANALYTICS", "Z_ANALYZER_HALL_B"),
    "P_ANALYTICS_2": ("ROLE_ANALYTICS", "Z_ANALYZER_HALL_B"),
    "A_QC": ("ROLE_QC", "Z_ANALYZER_HALL_A"),
    "P_QC_1": ("ROLE_QC", "Z_ANALYZER_HALL_B"),
    "A_SUPERVISOR": ("ROLE_SUPERVISOR", "Z_QC_SUPERVISOR"),
    "P_SUPERVISOR_1": ("ROLE_SUPERVISOR", "Z_SRA_RECEPTION"),
    "P_SUPERVISOR_2": ("ROLE_SUPERVISOR", "Z_ANALYZER_HALL_A"),
    "A_CLINSCI": ("ROLE_CLINICAL_SCIENTIST", "Z_QC_SUPERVISOR"),
    "P_CLINSCI_1": ("ROLE_CLINICAL_SCIENTIST", "Z_ANALYZER_HALL_A"),
    "A_SECURITY": ("ROLE_SECURITY_OFFICER", "Z_QC_SUPERVISOR"),
    "P_SECURITY_1": ("ROLE_SECURITY_OFFICER", "Z_SRA_RECEPTION"),
    "P_SPARE": ("ROLE_RUNNER", "Z_PREANALYTICS"),
}
"""Agent id to role and place at the start. Their keys are called ``K_`` and the id."""

_CONTAINERS: Final = {
    "BIOCHEM_PANEL_CORE": "SERUM_SST",
    "HAEM_PANEL_CORE": "WHOLE_BLOOD_EDTA",
    "COAG_PANEL_CORE": "PLASMA_CITRATE",
}
_BIOCHEM, _HAEM, _COAG = _CONTAINERS
_HALL_A, _HALL_B = "Z_ANALYZER_HALL_A", "Z_ANALYZER_HALL_B"
_STAGES: Final = (
    *[("arrived_at_reception", "Z_SRA_RECEPTION", _HAEM)] * 2,
    *[("arrived_at_reception", "Z_ACUTE_RECEPTION", _COAG)] * 2,
    *[("accepted", "Z_ACUTE_RECEPTION", _HAEM)] * 2,
    ("accessioning", "Z_SRA_RECEPTION", _BIOCHEM),
    *[("accepted", "Z_CENTRIFUGE_BAY", _BIOCHEM)] * 3,
    *[("separated", "Z_ALIQUOT_LABEL", _COAG)] * 2,
    *[("aliquoted", _HALL_A, _BIOCHEM)] * 4,
    *[("accepted", _HALL_A, _HAEM)] * 4,
    *[("aliquoted", _HALL_B, _COAG)] * 3,
    *[("analysed", _HALL_A, _HAEM)] * 4,
)
_PRIORITIES: Final = ("STAT", "ROUTINE", "URGENT", "ROUTINE")
_LONG_AGO_S: Final = -50_000
_OLD: Final = 5


def scenario(*, faults: bool = True) -> dict[str, Any]:
    """Return the initial state: work at every stage, some of it too old, four critical results."""
    specimens = [
        {
            "specimen_id": f"S{number}",
            "panel_id": panel,
            "container_type": _CONTAINERS[panel],
            "status": status,
            "zone_id": zone,
            "patient_identifiers_hash": f"PAT{number % 6}",
            "separated_ts_s": 0 if status in ("separated", "aliquoted") else None,
            "priority": _PRIORITIES[number % len(_PRIORITIES)],
            "collection_ts_s": _LONG_AGO_S if number % _OLD == 0 else -600,
        }
        for number, (status, zone, panel) in enumerate(_STAGES)
    ]
    analysed = [item["specimen_id"] for item in specimens if item["status"] == "analysed"]
    return {
        "agents": [
            {"agent_id": name, "role": role, "zone_id": zone}
            for name, (role, zone) in PEOPLE.items()
        ],
        "specimens": specimens,
        "results": [
            {
                "result_id": f"STATED_{name}",
                "specimen_id": name,
                "analyte_code": "HAEM_HB",
                "value": "40",
            }
            for name in analysed
        ],
        "workload": "district_smoke",
        "arrivals_until_s": 7_200,
        "faults": faults,
    }


class Move(NamedTuple):
    """What somebody is about to do; ``fields`` are the event's fields besides the arguments."""

    agent_id: str
    action: str
    args: dict[str, Any]
    fields: dict[str, Any] = {}  # noqa: RUF012 - a default that nobody changes


class Shift:
    """One episode, watched.

    Attributes:
        engine: Runs it.
        accepted: How often each action was accepted.
        refused: How often each action was refused, by ``action: reason code``.
        statuses: Every status of a specimen or a result (``result ...``) that was seen.
    """

    def __init__(self, seed: int, *, simulated: bool, signed: bool = False) -> None:
        """Begin.

        Args:
            seed: Seed of every draw of the world.
            simulated: Whether the clockwork runs.
            signed: Whether every event must be signed.
        """
        policy = shipped_policy()
        self.engine = Engine(policy)
        bindings = {
            f"K_{name}": TestKeyBinding(agent_id=name, role_id=role)
            for name, (role, _) in PEOPLE.items()
        }
        system = TestKeyBinding(agent_id=SYSTEM_AGENT, role_id=policy.agents[SYSTEM_AGENT])
        self._keyring = TestKeyring({**bindings, f"K_{SYSTEM_AGENT}": system}, seed=7)
        config = EpisodeConfig(EPISODE, seed, simulated=simulated, signatures_required=signed)
        keys = policy.keys.extended(self._keyring.keys)
        self.engine.reset(scenario(), config, keys=keys)
        self.watch = Watch(self.engine)
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.statuses: set[str] = set()
        self._number = 0
        self._waited_s = 0

    def wait(self, seconds: int) -> None:
        """Let time pass; in explicit time the next event takes place so much later.

        Raises:
            AssertionError: An invariant does not hold.
        """
        if self.engine.ctx.config.simulated:
            self.watch.see(*self.engine.advance(self.engine.now + seconds))
            self._look()
        else:
            self._waited_s += seconds

    def do(self, move: Move) -> StepResult:
        """Make a move, and return its outcome.

        Raises:
            AssertionError: An invariant does not hold.
        """
        self._number += 1
        raw: dict[str, Any] = {
            "event_id": f"e{self._number}",
            "t_s": self.engine.now + self._waited_s,
            "agent_id": move.agent_id,
            "action_type": move.action,
            "args": move.args,
            **move.fields,
        }
        self._waited_s = 0
        self._approve(raw)
        result = self.engine.step(self._signed(raw))
        self.watch.see(result)
        if result.accepted:
            self.accepted[move.action] += 1
            self._look()
        else:
            self.refused[f"{move.action}: {result.blocked_reason_code}"] += 1
        return result

    def _signed(self, raw: dict[str, Any]) -> dict[str, Any]:
        needed = self.engine.ctx.config.signatures_required or raw["agent_id"] == SYSTEM_AGENT
        private = self._keyring.private.get(f"K_{raw['agent_id']}")
        if needed and private is not None:
            with suppress(NotCanonicalError):  # what has no canonical form cannot be signed
                return sign_event(
                    raw,
                    key_id=f"K_{raw['agent_id']}",
                    private=private,
                    episode=EPISODE,
                    head=self.engine.head,
                )
        return raw

    def _approve(self, raw: dict[str, Any]) -> None:
        """Sign the approvals of an event that mints a token, where they must be signed."""
        approvals = raw["args"].get("approvals")
        if raw["action_type"] != "MINT_TOKEN" or not isinstance(approvals, list):
            return
        names = ("token_type", "subject_type", "subject_id", "reason_code", "requested_by")
        request = {"event_id": raw["event_id"], **{n: raw["args"].get(n, "") for n in names}}
        for approval in approvals if self.engine.ctx.config.signatures_required else ():
            key_id = approval.get("approver_key_id") if isinstance(approval, dict) else None
            private = self._keyring.private.get(str(key_id))
            if private is not None:
                message = approval_message(approval, request, EPISODE)
                approval["signature"] = base64.b64encode(private.sign(message)).decode()

    def _look(self) -> None:
        world = self.engine.ctx.world
        self.statuses.update(item.status for item in world.specimens.values())
        self.statuses.update(f"result {item.status}" for item in world.results.values())


def spoiled(move: Move, rng: random.Random, names: list[str]) -> Move:
    """Return a move with something wrong in it: another person, argument or token.

    Args:
        move: A sensible move.
        rng: Where the mistake is drawn from.
        names: Names of what there is, to be put where they may not belong.
    """
    mistake = rng.choice(["person", "value", "value", "value", "missing", "type", "type", "token"])
    if mistake == "person":
        return move._replace(agent_id=rng.choice([*PEOPLE, "NOBODY"]))
    if mistake == "token":
        return move._replace(fields={**move.fields, "token_refs": [rng.choice(["T9", *names])]})
    if not move.args:
        return move._replace(args={"specimen_ids": [rng.choice(names)]})
    key = rng.choice(list(move.args))
    args = {name: value for name, value in move.args.items() if name != key}
    if mistake == "value":
        wrong = rng.choice(names)
        args[key] = [wrong] if isinstance(move.args[key], list) else wrong
    elif mistake == "type":
        args[key] = rng.choice([None, -1, True, [], {}, [7], {"a": "b"}, 0.5])
    return move._replace(args=args)
