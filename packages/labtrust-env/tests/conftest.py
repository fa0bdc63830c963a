"""What the environment's tests share: one compiled policy, small environments, a playing hand."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from labtrust_core import CompiledPolicy, open_policy
from labtrust_env import hospital_lab_v0
from labtrust_env.parallel_env import HospitalLabEnv
from labtrust_env.session import Session, SessionConfig

CREWS = {
    "standard": "district_smoke",
    "multi_site": "multi_site_smoke",
    "adversarial": "adversarial_smoke",
}


@pytest.fixture(scope="session")
def policy() -> CompiledPolicy:
    return open_policy()


@pytest.fixture(scope="session")
def crews() -> dict[str, str]:
    return CREWS


@pytest.fixture
def make_env(policy) -> Callable[..., HospitalLabEnv]:
    def make(**options) -> HospitalLabEnv:
        defaults = {"horizon_s": 3_600, "workload": "district_smoke"}
        return hospital_lab_v0.parallel_env(policy, **(defaults | options))

    return make


@pytest.fixture
def make_session(policy) -> Callable[..., Session]:
    def make(crew="standard", horizon_s=7_200, seed=1, **options) -> Session:
        session = Session(policy, SessionConfig(crew, CREWS[crew], horizon_s, **options))
        session.reset(seed)
        return session

    return make


@pytest.fixture
def play() -> Callable[..., list]:
    """Play with a masked random hand; return everything that was seen, as bytes and numbers."""

    def run(env, steps: int, hand_seed: int = 0) -> list:
        rng = random.Random(hand_seed)  # noqa: S311 - a hand that plays, no secret
        seen = []
        for _ in range(steps):
            if not env.agents:
                break
            actions = {
                name: int(rng.choice(np.flatnonzero(env.action_mask(name)))) for name in env.agents
            }
            observations, rewards, ended, cut, infos = env.step(actions)
            vectors = {name: item["observation"].tobytes() for name, item in observations.items()}
            masks = {name: item["action_mask"].tobytes() for name, item in observations.items()}
            codes = {name: info["blocked_reason_code"] for name, info in infos.items()}
            head = env.session.engine.head
            seen.append((vectors, masks, rewards, ended, cut, codes, head, env.state().tobytes()))
        return seen

    return run


STAGES = (
    "RECEIVE_TRANSPORT",
    "CHAIN_OF_CUSTODY_SIGN",
    "DISPATCH_TRANSPORT",
    "RACK_SEAL",
    "RACK_BUILD",
    "ACK_CRITICAL_RESULT",
    "NOTIFY_CRITICAL_RESULT",
    "RERUN_REQUEST",
    "RELEASE_RESULT",
    "START_RUN",
    "REJECT_SPECIMEN",
    "QUEUE_RUN",
    "QC_EVENT",
    "RESTOCK_REAGENT",
    "ACCEPT_SPECIMEN",
    "CHECK_ACCEPTANCE_RULES",
    "CREATE_ACCESSION",
    "CENTRIFUGE_END",
    "ALIQUOT_CREATE",
    "CENTRIFUGE_START",
    "STORE",
    "RETRIEVE",
)
"""What a member does first, by kind of action."""

STAY = {"reception", "prean", "analytics", "supervisor", "clinsci", "qc"}
"""Roles whose members work where they stand, and leave the carrying to runners."""


@pytest.fixture
def greedy() -> Callable[[Session], dict[str, int]]:
    """Return the first legal action of each member in a fixed order of preference."""

    def act(session: Session) -> dict[str, int]:
        return {name: choose(session, name) for name in session.members}

    return act


def choose(session: Session, name: str) -> int:
    legal = session.legal(name)
    kinds = {}
    for index in legal:
        kinds.setdefault(session.actions[index].action_type, index)
    carries = name.partition("_")[0] not in STAY
    for kind in STAGES:
        handles = kind in ("STORE", "RETRIEVE")
        useful = carries and (kind != "STORE" or at_goal(session, name))
        if kind in kinds and (useful or not handles):
            return kinds[kind]
    return walk(legal) if carries else 0


def at_goal(session: Session, name: str) -> bool:
    """Whether something that the member carries belongs into its zone."""
    view = session.view(name)
    return any(item["next_zone"] == view["zone"] for item in view["carrying"])


def walk(legal: tuple[int, ...]) -> int:
    """Move towards work by the default rule, through a door that has to be opened first."""
    return next((index for index in (3, 4) if index in legal), 0)
