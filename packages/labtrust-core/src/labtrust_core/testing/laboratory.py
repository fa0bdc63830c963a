"""An episode of the laboratory as a test drives it: one call an event, ids and times filled in."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from typing import Any

from labtrust_core.domains import open_policy
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.ledger.chain import Sink
from labtrust_core.trust.keys import TestKeyring
from labtrust_core.trust.signatures import sign_event

EPISODE = "EP"


@functools.cache
def shipped_policy(partner: str | None = None) -> CompiledPolicy:
    """Return the policy in force, compiled once for all tests of a process."""
    return open_policy(partner=partner)


class Laboratory:
    """One running episode.

    Attributes:
        engine: The engine that runs it.
        world: The state of the laboratory.
    """

    def __init__(
        self,
        scenario: Mapping[str, Any] | None = None,
        *,
        partner: str | None = None,
        simulated: bool = False,
        keyring: TestKeyring | None = None,
        signed: bool = False,
        sink: Sink | None = None,
    ) -> None:
        """Start an episode.

        Args:
            scenario: The initial state.
            partner: Whose overlay applies.
            simulated: Whether the clockwork runs.
            keyring: Keys registered for the episode, with which ``do`` can sign.
            signed: Whether every event must be signed.
            sink: Takes the ledger's lines.
        """
        self.engine = Engine(shipped_policy(partner))
        self.keyring = keyring
        config = EpisodeConfig(EPISODE, 1, simulated=simulated, signatures_required=signed)
        keys = self.engine.policy.keys
        if keyring is not None:
            keys = keys.extended(keyring.keys)
        self.engine.reset(scenario or {}, config, keys=keys, sink=sink)
        self._numbers = itertools.count()

    @property
    def world(self) -> LabWorld:
        """The state of the laboratory now."""
        world: LabWorld = self.engine.ctx.world
        return world

    def do(
        self,
        agent_id: str,
        action_type: str,
        args: Mapping[str, Any] | None = None,
        *,
        at: int | None = None,
        key: str | None = None,
        **fields: object,
    ) -> StepResult:
        """Send one event and return its outcome.

        Args:
            agent_id: Who acts.
            action_type: What is done.
            args: The action's arguments.
            at: When, in seconds; now by default. Simulated time is not moved by it.
            key: Id of the key of the keyring to sign with.
            fields: Any further field of the event.
        """
        event: dict[str, Any] = {
            "event_id": f"e{next(self._numbers)}",
            "t_s": self.engine.now if at is None else at,
            "agent_id": agent_id,
            "action_type": action_type,
            "args": dict(args or {}),
            **fields,
        }
        if key is not None and self.keyring is not None:
            private = self.keyring.private[key]
            event = sign_event(
                event, key_id=key, private=private, episode=EPISODE, head=self.engine.head
            )
        return self.engine.step(event)

    def reason(
        self,
        agent_id: str,
        action_type: str,
        args: Mapping[str, Any] | None = None,
        **fields: Any,  # noqa: ANN401 - passed on as they are
    ) -> str | None:
        """Send one event and return the reason for which it is refused, or ``None``."""
        return self.do(agent_id, action_type, args, **fields).blocked_reason_code

    def refused(
        self,
        agent_id: str,
        action_type: str,
        args: Mapping[str, Any] | None = None,
        **fields: Any,  # noqa: ANN401 - passed on as they are
    ) -> str | None:
        """Return the reason of a refusal, having seen that it changed nothing.

        Raises:
            AssertionError: Something changed.
        """
        before = self.engine.digest()
        reason = self.reason(agent_id, action_type, args, **fields)
        if self.engine.digest() != before:
            raise AssertionError(f"{action_type} was refused ({reason}) and changed the world")
        return reason


def placed(places: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """Return the ``agents`` of a scenario from agent ids and the zones where they stand."""
    return [{"agent_id": name, "zone_id": zone} for name, zone in (places or {}).items()]
