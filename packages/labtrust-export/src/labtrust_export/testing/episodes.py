"""Honest episodes to forge: golden scenarios, played and signed for real.

Each is short, and together they hold what there is to forge: signed and unsigned events, tokens
with two approvals, a roster that changes, refusals, enforcement and a frozen ledger, specimens that
are held, rejected and accepted, results that are released, amended and called, and a clockwork.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from labtrust_core.domains import OpenedPolicy, open_documents
from labtrust_core.engine.engine import Engine
from labtrust_core.errors import UnknownNameError
from labtrust_core.golden.format import Scenario, Step, Suite
from labtrust_core.golden.initial import start_of
from labtrust_core.golden.keys import Signer as StepSigner
from labtrust_core.golden.reader import read_suite, read_test_keys
from labtrust_core.golden.runner import TEST_KEYS, suite_folder
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.trust.keys import TestKeyring
from msgspec import UNSET, structs

SCENARIOS: Final = {
    "signed": "LT-CHAIN-002",
    "roster": "LT-CHAIN-001",
    "enforced": "LT-ENFORCE-001",
    "frozen": "LT-ENFORCE-006",
    "charged": "LT-ENFORCE-002",
    "reception": "LT-RECEPTION-017",
    "amended": "LT-AMEND-001",
    "clocked": "LT-SIM-002",
    "arriving": "LT-SIM-001",
    "limited": "LT-LIMIT-002",
}
"""Name of an episode to the golden scenario that it plays."""

_SPECIMEN: Final = {"template_ref": "CHEM"}  # where a scenario has none, so that there is a receipt


@dataclass(frozen=True)
class Episode:
    """What one episode left behind.

    Attributes:
        name: Its name here.
        lines: The lines of its ledger, without LF.
        policy: The policy in force, as the bytes of ``policy.json`` without LF.
        agents: Key id to the private key of the agent who holds it.
        run: The lines of the run that it belongs to, without LF; none where it was no part of one.
    """

    name: str
    lines: tuple[bytes, ...]
    policy: bytes
    agents: Mapping[str, Ed25519PrivateKey] = field(default_factory=dict, repr=False)
    run: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class _Stage:
    """What all episodes share: policy, suite, test keys."""

    policy: OpenedPolicy
    suite: Suite
    keyring: TestKeyring


@functools.cache
def _stage() -> _Stage:
    policy = open_documents()
    directory = find_policy_dir()
    suite = read_suite(suite_folder(directory))
    keys = read_test_keys(directory / TEST_KEYS)
    keyring = TestKeyring(keys.keys, suite.deterministic.rng_seed)
    return _Stage(policy, suite, keyring)


@functools.cache
def episode(name: str) -> Episode:
    """Play an episode.

    Raises:
        UnknownNameError: There is none of that name.
    """
    return played(name, lambda script: script)


def played(name: str, edit: Callable[[list[Step]], list[Step]]) -> Episode:
    """Play an episode whose agents do something else.

    Args:
        name: A name of ``SCENARIOS``.
        edit: Takes the steps of its script and returns those to take.

    Raises:
        UnknownNameError: There is none of that name.
    """
    if name not in SCENARIOS:
        raise UnknownNameError("episode", name, SCENARIOS)
    stage = _stage()
    scenario = next(item for item in stage.suite.scenarios if item.scenario_id == SCENARIOS[name])
    if scenario.timing_mode is UNSET:
        state = {"specimens": [_SPECIMEN], **scenario.initial_state}
        scenario = structs.replace(scenario, initial_state=state)
    scenario = structs.replace(scenario, script=edit(list(scenario.script)))
    lines = _played(stage, scenario)
    return Episode(name, lines, stage.policy.documents.snapshot, stage.keyring.private)


def _played(stage: _Stage, scenario: Scenario) -> tuple[bytes, ...]:
    start = start_of(scenario, stage.suite, stage.policy.compiled)
    signer = StepSigner(stage.keyring, start.config.episode, sign_placeholders=True)
    lines: list[bytes] = []
    engine = Engine(stage.policy.compiled)
    keys = stage.policy.compiled.keys.extended(stage.keyring.keys)
    engine.reset(start.state, start.config, keys=keys, sink=lines.append)
    if scenario.advance_to is not UNSET:
        engine.advance(scenario.advance_to)
    for step in scenario.script:
        _take(engine, signer, step)
    engine.finish()
    return tuple(lines)


def _take(engine: Engine, signer: StepSigner, step: Step) -> None:
    if step.advance_to_s is not UNSET:
        engine.advance(step.advance_to_s)
        return
    if engine.ctx.config.simulated and step.t_s is not UNSET and step.t_s > engine.now:
        engine.advance(step.t_s)
    engine.step(signer.event_of(step, engine.head) if step.raw is UNSET else step.raw)
