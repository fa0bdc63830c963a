"""What a domain supplies to the engine: documents, tables, world, actions, clockwork, questions.

The engine knows nothing of laboratories or warehouses. A domain is one object with the members
below; ``labtrust_core`` ships ``hospital_lab``, and ``examples/warehouse_domain`` is a second one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from labtrust_core.engine.context import AnyContext, EpisodeConfig
from labtrust_core.event import Event
from labtrust_core.policy.load import Policy
from labtrust_core.policy.model import DocumentKind
from labtrust_core.trust.invariants import Evaluator
from labtrust_core.trust.tokens import Subject
from labtrust_core.trust.tools import ToolAdapter

Guard = Callable[[AnyContext, Event], None]
"""Answers one question about an action; raises ``Blocked`` and changes nothing."""

Handler = Callable[[AnyContext, Event], None]
"""Carries out an action. Raises ``Blocked`` before it changes anything, or not at all."""


class SystemEvent(NamedTuple):
    """Something that happens by itself at ``t_s``."""

    t_s: int
    action_type: str
    args: dict[str, Any]


class Problem(NamedTuple):
    """A reference inside the policy that leads nowhere, or another contradiction in it."""

    document: str
    path: tuple[str | int, ...]
    message: str
    found: str
    expected: str


class Domain(Protocol):
    """A world that the engine can run.

    Attributes:
        name: The domain's id.
        documents: Its policy documents, besides the trust documents.
        guards: Guard name (as the workflow policy lists it) to guard.
        handlers: Action type to handler, for the actions that agents may request.
        system_handlers: Action type to handler, for what happens by itself.
        evaluators: ``type.check`` to invariant evaluator.
        tools: Tool id to adapter.
        reason_codes: Every reason code that its guards, handlers and evaluators can return.
        emitted: Every name that its handlers can emit.
    """

    name: str
    documents: tuple[DocumentKind, ...]
    guards: Mapping[str, Guard]
    handlers: Mapping[str, Handler]
    system_handlers: Mapping[str, Handler]
    evaluators: Mapping[str, Evaluator]
    tools: Mapping[str, ToolAdapter]
    reason_codes: frozenset[str]
    emitted: frozenset[str]

    def problems(self, policy: Policy) -> list[Problem]:
        """Return the dangling references and contradictions of its documents."""
        ...

    def compile(self, policy: Policy) -> Any:  # noqa: ANN401 - each domain has tables of its own type
        """Return frozen tables, shared by all episodes. The policy has no problems."""
        ...

    def new_world(self, tables: Any, scenario: Mapping[str, Any], config: EpisodeConfig) -> Any:  # noqa: ANN401
        """Return the state an episode starts from; reads no file.

        Raises:
            ScenarioError: The scenario does not fit the domain.
        """
        ...

    def agents(self, world: Any) -> Mapping[str, str]:  # noqa: ANN401 - the domain's own state
        """Return the agents that the scenario brings along, with their roles."""
        ...

    def digest(self, world: Any) -> str:  # noqa: ANN401 - the domain's own state
        """Return the SHA-256 (hex) of the whole state."""
        ...

    def due(self, ctx: AnyContext, until_s: int) -> SystemEvent | None:
        """Take the next thing that happens by itself until ``until_s`` off the agenda."""
        ...

    def settle(self, ctx: AnyContext, event: Event, handling_s: int) -> None:
        """Book the time that an accepted action takes its agent."""
        ...

    def subjects(self, ctx: AnyContext, event: Event) -> frozenset[Subject]:
        """Return what the event is about, as ``(subject_type, subject_id)``.

        Tokens are bound to such subjects.
        """
        ...

    def duties(self, ctx: AnyContext, event: Event) -> frozenset[str]:
        """Return the duties that the agent has already performed on what the event is about."""
        ...

    def query(self, ctx: AnyContext, name: str, arguments: tuple[str, ...]) -> Any:  # noqa: ANN401 - an answer of any type
        """Answer a question about the world.

        Raises:
            UnknownNameError: There is no such question.
        """
        ...
