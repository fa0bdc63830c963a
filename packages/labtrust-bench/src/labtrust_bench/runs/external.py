"""Agents from elsewhere: loading them by what the user typed, and the contract they may keep to.

An agent is named ``package.module:Class`` or ``path/to/file.py:Class``; a function without
arguments that returns an agent will do. Three kinds of objects can play:

- ``reset(name, seed)`` and ``act(view)``: our own ``Agent``;
- ``reset(name, seed)`` and ``act_on(observation, mask)``: our own ``ArrayAgent``;
- ``reset(seed, policy_summary, partner_id, timing_mode)`` and ``act(observation)``: the contract of
  agents that know nothing of us. ``act`` returns an action index, or a tuple of one and anything
  that it wants to remember. ``contract_version``, if stated, must be ``"0.1"``; ``warm_up()`` and
  ``healthcheck()`` are called once before the first episode, if they are there.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol, runtime_checkable

import msgspec
from labtrust_core.errors import LabTrustError, UsageError
from labtrust_env.session import Session

from labtrust_bench.agents.api import Action, Player, View

CONTRACT_VERSION: Final = "0.1"
TIMING_MODE: Final = "simulated"

_SUFFIX: Final = ".py"
_DIGEST_CHARS: Final = 8
_MARK: Final = "policy_summary"  # an argument of reset that only the foreign contract has


class ContractVersionMismatch(UsageError):  # noqa: N818 - the name that agents' authors know
    """An agent was written for another version of the contract.

    Attributes:
        found: The version that it states.
    """

    def __init__(self, agent: str, found: object) -> None:
        self.found = found
        super().__init__(
            f"agent {agent} states contract_version {found!r}; expected {CONTRACT_VERSION!r}"
        )


class AgentError(LabTrustError):
    """An agent raised, or answered with something that is no action.

    Attributes:
        agent: The agent, ``module:Class``.
        member: The member of the crew that it plays for.
        seed: The episode's seed.
        step: The step, from 0; ``None`` before the first.
    """

    def __init__(self, agent: str, member: str, seed: int, step: int | None, what: str) -> None:
        self.agent = agent
        self.member = member
        self.seed = seed
        self.step = step
        when = "at reset" if step is None else f"in step {step}"
        super().__init__(f"agent {agent} of {member} {when}, seed {seed}: {what}")


@runtime_checkable
class Briefed(Protocol):
    """An agent that is told about the session before it is reset."""

    def brief(self, session: Session) -> None:
        """Read what the agent may know of the session; called before each ``reset``."""
        ...


class External:
    """Plays for an agent of the foreign contract.

    The agent gets copies: what it does to them, nobody else sees. An observation is the member's
    view as JSON carries it, and ``action_mask``: 1 for each index that is possible.

    Attributes:
        agent: The foreign agent.
    """

    def __init__(self, agent: Any) -> None:  # noqa: ANN401 - a foreign object
        """Prepare an agent.

        Raises:
            ContractVersionMismatch: It was written for another version.
            UsageError: It says that it is not well.
        """
        self.agent = agent
        stated = getattr(agent, "contract_version", CONTRACT_VERSION)
        if stated != CONTRACT_VERSION:
            raise ContractVersionMismatch(class_path(agent), stated)
        for name in ("warm_up", "healthcheck"):
            check = getattr(agent, name, None)
            if check is not None and check() is False:
                raise UsageError(f"agent {class_path(agent)}: {name}() returned False")
        self._summary: dict[str, Any] = {}
        self._members: dict[str, str] = {}
        self._partner: str | None = None
        self._actions = 0

    def brief(self, session: Session) -> None:
        """Note what the agent may know of the session."""
        policy = session.engine.policy
        self._members = session.roles
        self._partner = policy.partner
        self._actions = len(session.actions)
        self._summary = {
            "policy_fingerprint": policy.fingerprint,
            "actions": [action.name for action in session.actions],
            "dt_s": session.config.dt_s,
            "horizon_s": session.config.horizon_s,
        }

    def reset(self, name: str, seed: int) -> None:
        """Begin an episode; the summary also says who the agent is."""
        own = {"member": name, "role_id": self._members.get(name)}
        self.agent.reset(
            seed,
            policy_summary=_copy({**self._summary, **own}),
            partner_id=self._partner,
            timing_mode=TIMING_MODE,
        )

    def act(self, view: View) -> Action:
        """Return the agent's action, without what it wants to remember."""
        seen = _copy(view)
        mask = [0] * self._actions
        for index in view["legal"].values():
            mask[index] = 1
        answer: Any = self.agent.act({**seen, "action_mask": mask})
        action: Action = answer[0] if isinstance(answer, tuple) and answer else answer
        return action


def _copy(value: dict[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(msgspec.json.encode(value))
    return copied


def class_path(agent: object) -> str:
    """Return ``module:Class`` of an agent, that of the foreign one where one is wrapped."""
    kind = type(agent.agent if isinstance(agent, External) else agent)
    return f"{kind.__module__}:{kind.__qualname__}"


def player(agent: Any) -> Player:  # noqa: ANN401 - a foreign object
    """Return who plays for an object: the object itself, or what adapts it.

    Raises:
        UsageError: It keeps to none of the three contracts.
        ContractVersionMismatch: It was written for another version of the foreign one.
    """
    reset = getattr(agent, "reset", None)
    acts = [name for name in ("act", "act_on") if callable(getattr(agent, name, None))]
    if not callable(reset) or not acts:
        raise UsageError(
            f"agent {class_path(agent)} has no reset, or neither act nor act_on; expected both"
        )
    if hasattr(agent, "contract_version") or _MARK in inspect.signature(reset).parameters:
        return External(agent)
    own: Player = agent
    return own


def load_factory(spec: str) -> Callable[[], Player]:
    """Return what makes the agent of a spec, a new one a call.

    Args:
        spec: ``package.module:Class`` or ``path/to/file.py:Class``. Modules of the current folder
            can be imported, and those beside the file.

    Raises:
        UsageError: There is no such module, file or class, or importing it fails.
    """
    place, _, name = spec.rpartition(":")
    module = _load_file(Path(place)) if place.endswith(_SUFFIX) else _load_module(place)
    target: object = module
    for part in name.split("."):
        target = getattr(target, part, None)
    if not callable(target):
        raise UsageError(f"agent {spec}: {place} has no class or function {name}")
    make: Callable[[], Any] = target

    def factory() -> Player:
        try:
            agent = make()
        except Exception as error:
            raise UsageError(
                f"agent {spec} cannot be made: {type(error).__name__}: {error}"
            ) from error
        return player(agent)

    return factory


def stated_spec(spec: str) -> str:
    """Return a spec as results state it: without folders, a file by name and digest.

    Raises:
        UsageError: The file cannot be read.
    """
    place, _, name = spec.rpartition(":")
    return f"{_file_module(Path(place))}:{name}" if place.endswith(_SUFFIX) else spec


def _load_module(name: str) -> ModuleType:
    try:
        with _importable(Path.cwd()):
            return importlib.import_module(name)
    except Exception as error:
        raise _unloadable(name, error) from error


def _load_file(path: Path) -> ModuleType:
    name = _file_module(path)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _importable(path.absolute().parent):
            spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _unloadable(str(path), error) from error
    return module


def _unloadable(what: str, error: Exception) -> UsageError:
    return UsageError(f"agents of {what} cannot be loaded: {type(error).__name__}: {error}")


def _file_module(path: Path) -> str:
    """Return the name of a file's module: its stem, and a digest of what it holds."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read agents from {path}: {error.strerror}") from error
    return f"{path.stem}_{hashlib.sha256(data).hexdigest()[:_DIGEST_CHARS]}"


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules of a folder be imported for a while, after all others."""
    entry = str(folder)
    sys.path.append(entry)
    try:
        yield
    finally:
        sys.path.remove(entry)
