"""What the participants of a step see of it, and the trust state that an episode carries."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from labtrust_core.canonical import encode_plain, sha256_hex
from labtrust_core.event import Blocked, Event
from labtrust_core.trust.capabilities import Usage
from labtrust_core.trust.enforcement import Containment
from labtrust_core.trust.roles import RoleTable
from labtrust_core.trust.tokens import Token

if TYPE_CHECKING:
    from labtrust_core.engine.compiled import CompiledPolicy
    from labtrust_core.trust.keys import KeyRegistry

W = TypeVar("W")
T = TypeVar("T")


@dataclass(slots=True)
class TrustState:
    """What the trust skeleton remembers within an episode.

    Attributes:
        now: Simulation time in seconds.
        roster: Agent id to role id.
        held: Agent id to every role held so far (static separation of duties).
        tokens: Token id to token.
        usage: Agent id to what it has used up.
        containment: Who and what is stopped.
        seen: Event ids so far.
        recent_heads: The last ledger heads; a signature must name one of them.
        tail: The ledger head as the engine remembers it; when the chain disagrees, the ledger
            freezes.
        ledger_frozen: Whether everything is stopped.
        last_system_code: Reason code of the last system intervention.
    """

    recent_heads: deque[str]
    now: int = 0
    roster: dict[str, str] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    usage: dict[str, Usage] = field(default_factory=dict)
    containment: Containment = field(default_factory=Containment)
    seen: set[str] = field(default_factory=set)
    tail: str = ""
    ledger_frozen: bool = False
    last_system_code: str | None = None

    def digest(self) -> str:
        """Return the SHA-256 (hex) of what an accepted event may change besides the world.

        What refusals move too is not in it: the clock, the ledger's marks and containment.
        """
        return sha256_hex(
            encode_plain(
                {
                    "roster": self.roster,
                    "held": {agent: sorted(roles) for agent, roles in self.held.items()},
                    "tokens": self.tokens,
                    "usage": self.usage,
                    "ledger_frozen": self.ledger_frozen,
                }
            )
        )


@dataclass(frozen=True, slots=True)
class EpisodeConfig:
    """What an episode runs under; goes into the ledger's start record.

    Attributes:
        episode: Episode id, which signatures cover.
        seed: Seed of every random draw.
        simulated: Whether the clockwork runs between events; else time comes only from events.
        signatures_required: Whether every agent event must be signed; a signature that is present
            is always checked.
        break_chain_on: Event id at which the engine's memory of the ledger is damaged on purpose
            (fault injection).
    """

    episode: str
    seed: int
    simulated: bool
    signatures_required: bool
    break_chain_on: str | None = None


class Context(Generic[W, T]):
    """One step, as its participants see it. The engine reuses one instance; nobody keeps it.

    Attributes:
        policy: The compiled policy.
        tables: The domain's compiled tables.
        world: The domain's state.
        trust: The trust state.
        config: The episode's configuration.
        keys: The episode's key registry.
        now: Time of the step in seconds.
        role: The acting agent's role, once the role gate has passed.
        presented: Tokens presented and found applicable.
        lifting: Tokens that lifted a refusal or were required; consumed when the step is accepted.
        signed: Whether a valid signature was checked.
        emits: What the handler emits, in order.
        data: What the handler wants to tell the caller and the ledger.
        scratch: What guards of this step have already looked up, by name.
        kept: What readers keep beyond a step, by their own rule of when it is stale.
    """

    __slots__ = (
        "config",
        "data",
        "emits",
        "kept",
        "keys",
        "lifting",
        "now",
        "policy",
        "presented",
        "role",
        "scratch",
        "signed",
        "tables",
        "trust",
        "world",
    )

    def __init__(
        self,
        policy: CompiledPolicy,
        tables: T,
        world: W,
        trust: TrustState,
        episode: tuple[EpisodeConfig, KeyRegistry],
    ) -> None:
        self.policy = policy
        self.tables = tables
        self.world = world
        self.trust = trust
        self.config, self.keys = episode
        self.kept: dict[str, Any] = {}
        self.begin(trust.now)

    def begin(self, now: int) -> None:
        """Forget the previous step."""
        self.now = now
        self.role: RoleTable | None = None
        self.presented: tuple[Token, ...] = ()
        self.lifting: list[Token] = []
        self.signed = False
        self.emits: list[str] = []
        self.data: dict[str, Any] = {}
        self.scratch: dict[str, Any] = {}

    def emit(self, *names: str) -> None:
        """Emit ``names`` when the step is accepted."""
        self.emits.extend(names)

    def is_zone_frozen(self, zone_id: str) -> bool:
        """Whether enforcement has frozen ``zone_id``."""
        return self.trust.containment.is_zone_frozen(zone_id, self.now)

    def consume(self, tokens: Iterable[Token]) -> None:
        """Mark tokens as used by this step, once each."""
        for token in tokens:
            if token not in self.lifting:
                self.lifting.append(token)

    def role_of(self, agent_id: str) -> RoleTable | None:
        """Return the role that ``agent_id`` holds now, or ``None``."""
        role_id = self.trust.roster.get(agent_id)
        return None if role_id is None else self.policy.roles.roles.get(role_id)


AnyContext = Context[Any, Any]

__all__ = ["AnyContext", "Blocked", "Context", "EpisodeConfig", "Event", "TrustState"]
