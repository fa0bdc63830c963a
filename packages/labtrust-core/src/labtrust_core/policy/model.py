"""The trust documents of a policy, as types: what every domain brings, whatever it does.

Collections are mappings from identifier to body, so that a duplicate identifier is a duplicate key
(refused by the reader) and an overlay can name exactly the entry it changes. Every document is
closed: an unknown key is an error. Fields called ``description``, ``title``, ``source`` or ``note``
are prose for people; every other field is read by the engine.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec

Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
Natural: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every policy struct: immutable, keyword-only, unknown keys refused."""


class Document(Closed, frozen=True, kw_only=True):
    """Base of every policy file."""

    version: str
    description: str = ""


class DocumentKind(NamedTuple):
    """One policy file: its name in code, its place below the policy folder, its type."""

    name: str
    path: str
    type: type[Document]


class ReasonCode(Closed, frozen=True, kw_only=True):
    """A code that a refusal or a violation may carry.

    ``severity`` goes from P0 (hard stop) to P4 (metric).
    """

    namespace: str
    severity: Literal["P0", "P1", "P2", "P3", "P4"]
    description: str
    non_overridable: bool = False


class ReasonCodes(Document, frozen=True, kw_only=True):
    """``reason_codes/``: the only codes that may be returned.

    ``reserved``: codes that nothing returns yet, each with a note.
    """

    codes: dict[str, ReasonCode]
    reserved: dict[str, str] = {}


class Emits(Document, frozen=True, kw_only=True):
    """``emits/``: the only names that may be emitted, by category.

    ``reserved``: names that nothing emits yet, each with a note.
    """

    categories: dict[str, list[str]]
    reserved: dict[str, str] = {}


class Role(Closed, frozen=True, kw_only=True):
    """What a role may do.

    ``zones`` and ``devices`` of ``None`` mean everywhere; the workflow's guards still apply.
    """

    description: str = ""
    actions: list[str]
    zones: list[str] | None = None
    devices: list[str] | None = None
    tools: list[str] = []


class Rbac(Document, frozen=True, kw_only=True):
    """``rbac/``: roles to actions, agents to roles, separation of duties.

    Attributes:
        roles: Role id to what it may do.
        agents: Agent id to its one role; agents of a crew are added at reset.
        incompatible_duties: Action to the duties whose holder may not perform it on the same
            subject (history-based separation; the domain says who holds which duty).
        exclusive_roles: Sets of roles of which one agent may hold at most one within an episode
            (static separation).
    """

    roles: dict[str, Role]
    agents: dict[str, str]
    incompatible_duties: dict[str, list[str]] = {}
    exclusive_roles: list[list[str]] = []


class CapabilityProfile(Closed, frozen=True, kw_only=True):
    """Limits of one role: accepted actions a window, overrides an episode.

    ``high_risk_actions`` need a reason code and a rationale.
    """

    max_actions_per_window: Natural
    max_overrides: Natural
    high_risk_actions: list[str] = []


class Capabilities(Document, frozen=True, kw_only=True):
    """``security/``: capability profiles; ``window_s`` is a rate window's length in seconds."""

    window_s: Positive
    override_actions: list[str]
    profiles: dict[str, CapabilityProfile]


class Key(Closed, frozen=True, kw_only=True):
    """A public key (base64 of 32 bytes) bound to one agent in one role; times in seconds."""

    public_key: str
    agent_id: str
    role_id: str
    status: Literal["ACTIVE", "REVOKED", "EXPIRED"] = "ACTIVE"
    not_before_s: Natural | None = None
    not_after_s: Natural | None = None


class Keys(Document, frozen=True, kw_only=True):
    """``keys/``: the key registry.

    ``max_head_lag``: how many records old the head that a signer saw may be.
    """

    max_head_lag: Positive
    keys: dict[str, Key]


class TokenType(Closed, frozen=True, kw_only=True):
    """What a token of this type can do, for how long, and who must approve it.

    Attributes:
        subject_types: Kinds of subject it may be bound to (``agent``, ``specimen``, ``result``, …).
        actions: Actions on which it may be presented.
        lifts: Reason codes that it lifts on those actions, on its subject.
        lifts_its_reason_only: Whether a token minted for one of them lifts that one and no other.
        scope: Argument name to allowed values, for arguments that the event carries.
        reasons: Reason codes for which it may be minted.
        ttl_s: Life in seconds.
        approvals: How many distinct approvals minting needs.
        approver_roles: Roles whose holders may approve.
        id_prefix: Start of the token's id; the subject follows.
    """

    description: str = ""
    subject_types: list[str]
    actions: list[str]
    lifts: list[str] = []
    lifts_its_reason_only: bool = False
    scope: dict[str, list[str]] = {}
    reasons: list[str] = []
    ttl_s: Natural
    approvals: Natural
    approver_roles: list[str]
    id_prefix: str


class Tokens(Document, frozen=True, kw_only=True):
    """``tokens/token_registry``: the token types."""

    types: dict[str, TokenType]


class DualApproval(Document, frozen=True, kw_only=True):
    """``tokens/dual_approval_policy``: what makes approvals count.

    Attributes:
        requester: Who counts as the requester, who may not approve: the ``minter`` (strict), or
            only the agent that the mint event ``named`` in ``args.requested_by`` and the agent who
            presents the token later.
    """

    requester: Literal["minter", "named"]


class InvariantLogic(Closed, frozen=True, kw_only=True):
    """Which evaluator decides: ``type.check`` names it, ``parameters`` go to it."""

    type: Literal["state", "temporal", "transition"]
    check: str
    parameters: dict[str, Any] = {}


class Invariant(Closed, frozen=True, kw_only=True):
    """One rule that must hold after every event in ``triggers`` (action types; ``*`` for all)."""

    title: str
    description: str = ""
    severity: Literal["info", "low", "med", "high", "critical"]
    scope: Literal["specimen", "result", "device", "zone", "agent", "system"]
    logic: InvariantLogic
    reason_code: str | None
    triggers: list[str]


class Invariants(Document, frozen=True, kw_only=True):
    """``invariants/``: the registry; an entry without an evaluator is an error."""

    invariants: dict[str, Invariant]


class EnforcementMatch(Closed, frozen=True, kw_only=True):
    """Which violations a rule answers: all given lists must match, an empty one matches all."""

    invariant_ids: list[str] = []
    severities: list[str] = []
    scopes: list[str] = []


class EnforcementTier(Closed, frozen=True, kw_only=True):
    """What happens from the ``count``-th match of one agent on.

    ``duration_s`` of ``None`` means until lifted. ``stop_device`` stops the device that the
    violation is about.
    """

    count: Positive
    action: Literal[
        "throttle_agent", "kill_switch", "freeze_zone", "stop_device", "forensic_freeze"
    ]
    duration_s: Positive | None = None
    zone_id: str | None = None


class EnforcementRule(Closed, frozen=True, kw_only=True):
    """One reaction: a match and its tiers, mildest first."""

    match: EnforcementMatch
    tiers: list[EnforcementTier]


class Enforcement(Document, frozen=True, kw_only=True):
    """``enforcement/``: what a violation brings about."""

    enabled: bool
    rules: dict[str, EnforcementRule]


class Tool(Closed, frozen=True, kw_only=True):
    """A tool that an agent may call: schema of its arguments, limits on what may come out.

    ``args_schema`` is a JSON Schema (2020-12).
    """

    description: str = ""
    args_schema: dict[str, Any]
    timeout_ms: Positive
    max_bytes: Positive
    max_records: Natural
    data_classes: list[str]


class ToolRegistry(Document, frozen=True, kw_only=True):
    """``tool_registry``: the tools, and which output field belongs to which data class.

    Attributes:
        classification: Field name (anywhere in the output) to data class; an unlisted field is
            ``Operational``.
        egress_fields: Field names that announce data leaving the laboratory; never allowed in an
            output.
    """

    tools: dict[str, Tool]
    classification: dict[str, str]
    egress_fields: list[str]


class ActionRule(Closed, frozen=True, kw_only=True):
    """How one action behaves.

    Attributes:
        guards: Names of the domain's guards, checked in this order after every gate has passed.
        early_guards: Guards checked before the role gate (for overlays that need an upstream order
            of refusal).
        token_subject: For an action that needs a token: the argument that names the token's
            subject.
        handling_s: How long the acting agent is busy with it, in seconds (simulated time only).
        runtime_control: Whether it is reserved to the SYSTEM agent with a valid signature.
    """

    description: str = ""
    guards: list[str] = []
    early_guards: list[str] = []
    token_subject: str | None = None
    handling_s: Natural = 0
    runtime_control: bool = False


class Workflow(Document, frozen=True, kw_only=True):
    """``workflow/``: every action that exists, and its guards."""

    actions: dict[str, ActionRule]


class LabProfile(Document, frozen=True, kw_only=True):
    """``lab_profiles/<id>``: what an organisation sets once for every command."""

    profile_id: str
    partner_id: str | None = None
    domain_id: str = "hospital_lab"
    metrics_aggregator_id: str = "default"
    extension_packages: list[str] = []


TRUST_DOCUMENTS = (
    DocumentKind("reason_codes", "reason_codes/reason_code_registry.v0.1.yaml", ReasonCodes),
    DocumentKind("emits", "emits/emits_vocab.v0.1.yaml", Emits),
    DocumentKind("rbac", "rbac/rbac_policy.v0.1.yaml", Rbac),
    DocumentKind("capabilities", "security/agent_capabilities.v0.1.yaml", Capabilities),
    DocumentKind("keys", "keys/key_registry.v0.1.yaml", Keys),
    DocumentKind("tokens", "tokens/token_registry.v0.1.yaml", Tokens),
    DocumentKind("dual_approval", "tokens/dual_approval_policy.v0.1.yaml", DualApproval),
    DocumentKind("invariants", "invariants/invariant_registry.v1.0.yaml", Invariants),
    DocumentKind("enforcement", "enforcement/enforcement_map.v0.1.yaml", Enforcement),
    DocumentKind("tool_registry", "tool_registry.v0.1.yaml", ToolRegistry),
    DocumentKind("workflow", "workflow/workflow.v0.1.yaml", Workflow),
)
