"""A toy domain (boxes that hold a number) and ``toy``, the toolbox of engine tests."""

import copy
import itertools
import json
import time
from collections.abc import Mapping

import msgspec
import pytest
from labtrust_core.canonical import encode_plain, sha256_hex
from labtrust_core.engine.compiled import compile_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.domain import SystemEvent
from labtrust_core.engine.engine import Engine
from labtrust_core.errors import UnknownNameError
from labtrust_core.event import Blocked
from labtrust_core.policy.load import load_policy
from labtrust_core.policy.model import TRUST_DOCUMENTS
from labtrust_core.trust.keys import KeyRegistry, TestKeyBinding, TestKeyring


class ToyWorld(msgspec.Struct):
    """Boxes with a number; who touched which; what is due."""

    boxes: dict[str, int]
    locked: list[str]
    sealed: list[str]
    agenda: list[tuple[int, str, dict]]
    touched: dict[str, list[str]] = {}
    busy_s: dict[str, int] = {}


def _box_known(ctx, event):
    if event.text("box_id") not in ctx.world.boxes:
        raise Blocked("TOY_UNKNOWN", "no such box")


def _zone_open(ctx, _event):
    if ctx.is_zone_frozen("Z1"):
        raise Blocked("ZONE_FROZEN", "the zone is frozen")


def _box_unlocked(ctx, event):
    box = event.text("box_id")
    if box in ctx.world.locked:
        raise Blocked("TOY_LOCKED", "the box is locked", subject=("box", box))


def _box_unsealed(ctx, event):
    box = event.text("box_id")
    if box in ctx.world.sealed:
        raise Blocked("TOY_SEALED", "the box is sealed", subject=("box", box))


def _never(_ctx, _event):
    raise Blocked("TOY_EARLY", "an early guard that always refuses")


def _add(ctx, event):
    amount = event.args.get("amount")
    if type(amount) is not int:
        raise Blocked("TOY_BAD_AMOUNT", "the amount is an integer")
    box = event.text("box_id")
    ctx.world.boxes[box] += amount
    ctx.world.touched.setdefault(box, []).append(event.agent_id)
    ctx.data["value"] = ctx.world.boxes[box]
    ctx.emit("ADD")


def _check(ctx, _event):
    ctx.emit("CHECK")


def _risky(_ctx, _event):
    """Change nothing."""


def _drip(ctx, event):
    ctx.world.boxes[event.text("box_id")] += 1
    ctx.emit("DRIP")


def _within_limit(env, event, params):
    box = event.text("box_id")
    if box not in env.world.boxes:
        return None
    return env.world.boxes[box] <= params["limit"], None, {"subject": box}


def _refusal_only(_env, _event, _params):
    return None


class _Bomb(Mapping):
    def __getitem__(self, key):
        raise RuntimeError(key)

    def __iter__(self):
        raise RuntimeError("boom")

    def __len__(self):
        return 1


def _raise(error):
    raise error


ANSWERS = {
    "ok": lambda: {"text": "fine"},
    "number": lambda: {"x": 0.5, "y": 2.0, "ü": 1e22},
    "raise": lambda: _raise(ValueError("no")),
    "exit": lambda: _raise(SystemExit(3)),
    "timeout_error": lambda: _raise(TimeoutError),
    "slow": lambda: time.sleep(0.4) or {},
    "list": lambda: [1],
    "object": lambda: {"x": object()},
    "nan": lambda: {"x": float("nan")},
    "bomb": _Bomb,
    "egress": lambda: {"rows": [{"inner": {"forward_to": "x"}}]},
    "egress_tuple": lambda: {"rows": ({"forward_to": "x"},)},
    "phi": lambda: {"rows": [{"patient_id": "p"}]},
    "many": lambda: {"rows": [1] * 5},
    "many_nested": lambda: {"rows": [[1, 2, 3], [4, 5]]},
    "big": lambda: {"text": "x" * 300},
}


class ToyDomain:
    """The domain; ``calls`` counts what its tool was asked."""

    name = "toy"
    documents = ()
    guards = {  # noqa: RUF012 - a test's table
        "box_known": _box_known,
        "zone_open": _zone_open,
        "box_unlocked": _box_unlocked,
        "box_unsealed": _box_unsealed,
        "never": _never,
    }
    handlers = {  # noqa: RUF012 - a test's table
        "ADD": _add,
        "FORCE_ADD": _add,
        "CHECK": _check,
        "RISKY": _risky,
    }
    system_handlers = {"SYS_DRIP": _drip}  # noqa: RUF012 - a test's table
    evaluators = {  # noqa: RUF012 - a test's table
        "state.within_limit": _within_limit,
        "state.refusal_only": _refusal_only,
    }
    reason_codes = frozenset(
        ["TOY_UNKNOWN", "ZONE_FROZEN", "TOY_LOCKED", "TOY_SEALED", "TOY_EARLY", "TOY_BAD_AMOUNT"]
    )
    emitted = frozenset({"ADD", "CHECK", "DRIP"})

    def __init__(self):
        self.calls = []
        self.tools = {"ask": self._ask}

    def _ask(self, _ctx, args):
        self.calls.append(copy.deepcopy(dict(args)))
        if isinstance(args.get("list"), list):
            args["list"].append("meddled")
        return ANSWERS[args["mode"]]()

    def problems(self, _policy):
        return []

    def compile(self, _policy):
        return None

    def new_world(self, _tables, scenario, _config):
        return ToyWorld(
            dict(scenario.get("boxes", {"B1": 0, "B2": 0})),
            list(scenario.get("locked", [])),
            list(scenario.get("sealed", [])),
            sorted(scenario.get("agenda", [])),
        )

    def agents(self, _world):
        return {}

    def digest(self, world):
        return sha256_hex(encode_plain(world))

    def due(self, ctx, until_s):
        agenda = ctx.world.agenda
        if not agenda or agenda[0][0] > until_s:
            return None
        return SystemEvent(*agenda.pop(0))

    def settle(self, ctx, event, handling_s):
        if handling_s:
            ctx.world.busy_s[event.agent_id] = ctx.now + handling_s

    def subjects(self, _ctx, event):
        return frozenset({("agent", event.agent_id), ("box", event.text("box_id"))})

    def duties(self, ctx, event):
        touched = ctx.world.touched.get(event.text("box_id"), ())
        return frozenset({"ADDER"}) if event.agent_id in touched else frozenset()

    def query(self, ctx, name, arguments):
        if name != "box":
            raise UnknownNameError("query", name, ("box",))
        return ctx.world.boxes[arguments[0]]


AGENTS = {
    "A_WORKER": "R_WORKER",
    "A_WORKER2": "R_WORKER",
    "A_CHECKER": "R_CHECKER",
    "A_BOSS": "R_BOSS",
    "A_BOSS2": "R_BOSS",
    "A_APP1": "R_APPROVER",
    "A_APP2": "R_APPROVER",
    "A_APP3": "R_APPROVER",
    "A_SEC": "R_SECURITY",
    "SYSTEM": "R_SYSTEM",
}
_ENGINE_CODES = [
    "AUDIT_CHAIN_BROKEN",
    "RC_EVENT_MALFORMED",
    "RC_TIME_NOT_MONOTONIC",
    "RC_EVENT_DUPLICATE",
    "AGENT_THROTTLED",
    "AGENT_KILLED",
    "RBAC_ACTION_DENY",
    "RBAC_DEVICE_DENY",
    "RBAC_ZONE_DENY",
    "RBAC_DUTY_CONFLICT",
    "AGENT_CAPABILITY_DENY",
    "AGENT_RATE_LIMIT",
    "AGENT_OVERRIDE_BUDGET_EXCEEDED",
    "SIG_MISSING",
    "SIG_INVALID",
    "SIG_STALE_HEAD",
    "SIG_KEY_REVOKED",
    "SIG_KEY_EXPIRED",
    "SIG_KEY_NOT_YET_VALID",
    "SIG_ROLE_MISMATCH",
    "INV-TOK-001",
    "INV-TOK-002",
    "INV-TOK-003",
    "INV-TOK-006",
    "TOKEN_REQUIRED",
    "TOKEN_TYPE_UNKNOWN",
    "TOKEN_SUBJECT_INVALID",
    "RC_ROSTER_INVALID",
    "RC_ENFORCEMENT_UNKNOWN",
    "TOOL_NOT_IN_REGISTRY",
    "TOOL_NOT_ALLOWED_FOR_ROLE",
    "TOOL_ARG_SCHEMA_FAIL",
    "TOOL_ARG_RANGE_FAIL",
    "TOOL_EXEC_EXCEPTION",
    "TOOL_TIMEOUT",
    "TOOL_OUTPUT_MALFORMED",
    "TOOL_EGRESS_DENIED",
    "TOOL_EGRESS_LIMIT_EXCEEDED",
    "TOOL_DATA_CLASS_VIOLATION",
    "TOY_REASON",
    "TOY_OVERFLOW",
]
_EMITS = [
    "ADD",
    "CHECK",
    "DRIP",
    "MINT_TOKEN",
    "CONSUME_TOKEN",
    "REVOKE_TOKEN",
    "UPDATE_ROSTER",
    "SECURITY_INCIDENT_LOG",
    "AGENT_SCOPE_VIOLATION",
    "THROTTLE_AGENT",
    "KILL_SWITCH_AGENT",
    "AUDIT_LOG_APPEND",
    "KILL_SWITCH_DEVICE",
    "KILL_SWITCH_ZONE",
    "FORENSIC_FREEZE_LOG",
]
_WORK = ["NOOP", "TICK", "ADD", "FORCE_ADD", "CHECK", "RISKY", "INVOKE_TOOL"]
_ADD_GUARDS = ["box_known", "zone_open", "box_unlocked", "box_unsealed"]


def _invariant(check, code, triggers, parameters=None, severity="critical"):
    kind, name = check.split(".")
    return {
        "title": check,
        "severity": severity,
        "scope": "system",
        "logic": {"type": kind, "check": name, "parameters": parameters or {}},
        "reason_code": code,
        "triggers": triggers,
    }


def _profile(actions=1000, overrides=10, risky=()):
    return {
        "max_actions_per_window": actions,
        "max_overrides": overrides,
        "high_risk_actions": list(risky),
    }


def _token(actions, approvals, prefix, scope):
    return {
        "subject_types": ["box"],
        "actions": actions,
        "lifts": ["TOY_LOCKED"],
        "scope": scope,
        "reasons": ["TOY_REASON"],
        "ttl_s": 100,
        "approvals": approvals,
        "approver_roles": ["R_APPROVER", "R_BOSS"],
        "id_prefix": prefix,
    }


POLICY = {
    "reason_codes": {
        "codes": {
            code: {
                "namespace": "TOY",
                "severity": "P1",
                "description": code,
                "non_overridable": code == "TOY_SEALED",
            }
            for code in [*_ENGINE_CODES, *sorted(ToyDomain.reason_codes)]
        }
    },
    "emits": {"categories": {"all": _EMITS}},
    "rbac": {
        "roles": {
            "R_WORKER": {"actions": _WORK, "zones": ["Z1"], "devices": ["D1"], "tools": ["ask"]},
            "R_CHECKER": {"actions": ["NOOP", "CHECK", "INVOKE_TOOL"]},
            "R_BOSS": {"actions": ["NOOP", "MINT_TOKEN", "REVOKE_TOKEN"]},
            "R_APPROVER": {"actions": ["NOOP"]},
            "R_SECURITY": {"actions": ["NOOP", "LIFT_ENFORCEMENT"]},
            "R_SYSTEM": {"actions": ["NOOP", "TICK", "UPDATE_ROSTER"]},
        },
        "agents": AGENTS,
        "incompatible_duties": {"CHECK": ["ADDER"]},
        "exclusive_roles": [["R_WORKER", "R_CHECKER"]],
    },
    "capabilities": {
        "window_s": 60,
        "override_actions": ["FORCE_ADD"],
        "profiles": {
            "R_WORKER": _profile(actions=20, overrides=2, risky=["RISKY"]),
            **{
                role: _profile()
                for role in ("R_CHECKER", "R_BOSS", "R_APPROVER", "R_SECURITY", "R_SYSTEM")
            },
        },
    },
    "keys": {"max_head_lag": 3, "keys": {}},
    "tokens": {
        "types": {
            "TOKEN_FORCE": _token(["FORCE_ADD"], 2, "T_FORCE_", {"mode": ["gentle"]}),
            "TOKEN_UNLOCK": _token(["ADD"], 1, "T_UNLOCK_", {}),
        }
    },
    "dual_approval": {"requester": "minter"},
    "invariants": {
        "invariants": {
            "INV-TOY-001": _invariant(
                "state.within_limit",
                "TOY_OVERFLOW",
                ["ADD", "FORCE_ADD", "SYS_DRIP"],
                {"limit": 100},
                severity="high",
            ),
            "INV-TOY-002": _invariant(
                "state.refusal_only", "TOY_LOCKED", ["ADD", "FORCE_ADD"], severity="med"
            ),
            "INV-TOY-003": _invariant(
                "state.refusal_only", "TOY_UNKNOWN", ["ADD"], severity="info"
            ),
            "INV-TOK-001": _invariant(
                "transition.mint_signature_valid", "INV-TOK-001", ["MINT_TOKEN"]
            ),
            "INV-TOK-002": _invariant("state.token_active", "INV-TOK-002", ["*"]),
            "INV-TOK-003": _invariant("state.token_scope_ok", "INV-TOK-003", ["*"]),
            "INV-TOK-006": _invariant("state.token_not_revoked", "INV-TOK-006", ["*"]),
            "INV-SIG-001": _invariant("state.signature_required_valid", "SIG_MISSING", ["*"]),
            "INV-SIG-002": _invariant(
                "state.signature_role_authorized", "SIG_ROLE_MISMATCH", ["*"]
            ),
        }
    },
    "enforcement": {"enabled": True, "rules": {}},
    "tool_registry": {
        "tools": {
            "ask": {
                "args_schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["mode"],
                    "properties": {
                        "mode": {"type": "string", "maxLength": 16},
                        "n": {"type": "integer", "minimum": 0, "maximum": 9},
                        "list": {"type": "array"},
                    },
                },
                "timeout_ms": 100,
                "max_bytes": 200,
                "max_records": 4,
                "data_classes": ["Operational"],
            }
        },
        "classification": {"patient_id": "PHI"},
        "egress_fields": ["forward_to"],
    },
    "workflow": {
        "actions": {
            "NOOP": {},
            "TICK": {},
            "ADD": {"guards": _ADD_GUARDS, "handling_s": 7},
            "FORCE_ADD": {"guards": _ADD_GUARDS, "token_subject": "box_id"},
            "CHECK": {"guards": ["box_known"]},
            "RISKY": {},
            "MINT_TOKEN": {},
            "REVOKE_TOKEN": {},
            "UPDATE_ROSTER": {"runtime_control": True},
            "INVOKE_TOOL": {},
            "LIFT_ENFORCEMENT": {},
        }
    },
}


class Toy:
    """What an engine test needs: policies, engines, events, signatures."""

    def __init__(self, folder):
        self._folder = folder
        self._numbers = itertools.count(1)
        self.agents = AGENTS
        self.keyring = TestKeyring(
            {
                f"K_{agent}": TestKeyBinding(agent_id=agent, role_id=role)
                for agent, role in AGENTS.items()
            },
            seed=7,
        )
        self.keys = KeyRegistry(self.keyring.keys)
        self.base = self.policy()

    def documents(self):
        """Return a copy of the policy's documents, to be changed."""
        return copy.deepcopy(POLICY)

    def directory(self, documents=None):
        """Write the documents as a policy folder."""
        folder = self._folder / f"policy{next(self._numbers)}"
        for kind in TRUST_DOCUMENTS:
            file = folder / kind.path
            file.parent.mkdir(parents=True, exist_ok=True)
            body = {"version": "0.1", **(documents or POLICY)[kind.name]}
            file.write_text(json.dumps(body))
        return folder

    def policy(self, documents=None):
        """Compile the documents, for a domain object of their own."""
        domain = ToyDomain()
        kinds = (*TRUST_DOCUMENTS, *domain.documents)
        return compile_policy(load_policy(self.directory(documents), kinds), domain)

    def enforced(self, *tiers, match=None):
        """Return a policy with one enforcement rule, which answers INV-TOY-001 by default."""
        documents = self.documents()
        documents["enforcement"]["rules"]["RULE"] = {
            "match": match or {"invariant_ids": ["INV-TOY-001"]},
            "tiers": list(tiers),
        }
        return self.policy(documents)

    def engine(self, scenario=None, *, policy=None, keys=None, sink=None, **config):
        """Return an engine at the start of an episode; unsigned and in explicit time by default."""
        engine = Engine(policy or self.base)
        settings = {
            "episode": "EP1",
            "seed": 5,
            "simulated": False,
            "signatures_required": False,
            **config,
        }
        engine.reset(scenario or {}, EpisodeConfig(**settings), keys=keys or self.keys, sink=sink)
        return engine

    def event(self, action_type, agent_id="A_WORKER", args=None, **fields):
        """Return an event with an id of its own, at second 0 unless told otherwise."""
        return {
            "event_id": f"E{next(self._numbers)}",
            "t_s": 0,
            "agent_id": agent_id,
            "action_type": action_type,
            "args": args or {},
            **fields,
        }

    def add(self, amount=1, box_id="B1", **fields):
        """Return an ADD."""
        return self.event("ADD", args={"box_id": box_id, "amount": amount}, **fields)

    def mint(self, *approvers, token_type="TOKEN_FORCE", subject_id="B1", **changes):  # noqa: S107 - a type, no secret
        """Return a MINT_TOKEN of A_BOSS with unsigned approvals."""
        args = {
            "token_type": token_type,
            "subject_type": "box",
            "subject_id": subject_id,
            "reason_code": "TOY_REASON",
            "approvals": [
                {"approver_agent_id": agent, "approver_key_id": f"K_{agent}"} for agent in approvers
            ],
            **changes.pop("args", {}),
        }
        return self.event("MINT_TOKEN", "A_BOSS", args, **changes)


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """The toolbox of engine tests."""
    return Toy(tmp_path_factory.mktemp("toy"))


# The log of a small episode of the laboratory, for pictures.
