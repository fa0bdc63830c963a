"""The golden scenario format, as types: what a suite file may say, and nothing else.

A suite is data: initial state, a script of steps, and what each step must bring about. Version
``0.1`` is the format's first version, in which an expectation of emits or tokens names what must be
among them; in version ``1.0`` it names all.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from labtrust_core.trust.keys import TestKeyBinding

EXACT_VERSION: Final = "1.0"
SUITE_KEY: Final = "golden_suite"
PLACEHOLDER_SIGNATURE: Final = "GOLDEN_TEST_ACCEPT"

Seconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Status: TypeAlias = Literal["ACCEPTED", "BLOCKED"]
ScenarioId: TypeAlias = Annotated[
    str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")
]  # names a folder, too
Mode: TypeAlias = Literal["explicit", "simulated"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of everything in a suite file: immutable, and unknown keys are refused."""


class Expectation(Part, frozen=True, kw_only=True):
    """What a step must bring about; every key that is given is checked.

    Attributes:
        status: Whether the event takes effect.
        blocked_reason_code: Why not; where it is missing or null, any code will do for a BLOCKED
            step.
        emits: Names emitted by the event itself.
        violations: ``ID:VIOLATION`` or ``ID:PASS`` (checked and found good) each; an empty list:
            none is violated.
        token_consumed: Ids of the tokens that the event used up.
        state_assertions: ``QUERY == LITERAL``, ``QUERY != LITERAL`` or ``QUERY contains LITERAL``.
        state: Query name to subject to value; to a list (compared as a set) or to a value for a
            query without subject.
        hashchain_len_delta: How many ledger records the step adds, with what follows by itself.
        enforcements: Enforcement actions that follow, as policy calls them.
        data: Parts of the data that the event returns.
        detail_contains: Text within the explanation of a refusal.
    """

    status: Status | UnsetType = UNSET
    blocked_reason_code: str | None = None
    emits: list[str] | UnsetType = UNSET
    violations: list[str] | UnsetType = UNSET
    token_consumed: list[str] | UnsetType = UNSET
    state_assertions: list[str] = []
    state: dict[str, Any] = {}
    hashchain_len_delta: int | UnsetType = UNSET
    enforcements: list[str] | UnsetType = UNSET
    data: dict[str, Any] = {}
    detail_contains: str | UnsetType = UNSET


class Step(Part, frozen=True, kw_only=True):
    """One step: an event, a ``raw`` object in place of one, or time that passes (``advance_to_s``).

    Attributes:
        sign_with: Test key with which the runner signs the event. An approval in ``args`` may say
            it too.
        raw: Any JSON value, sent as it stands; ``event_id`` names the step in the report.
        advance_to_s: Second up to which the clockwork runs, in simulated time.
    """

    event_id: str = ""
    t_s: Seconds | UnsetType = UNSET
    agent_id: str = ""
    action_type: str = ""
    args: dict[str, Any] = {}
    reason_code: str | None = None
    token_refs: list[str] = []
    key_id: str | None = None
    signature: str | None = None
    rationale: str | None = None
    tool_id: str | None = None
    head: str | None = None
    sign_with: str | None = None
    raw: Any = UNSET
    advance_to_s: Seconds | UnsetType = UNSET
    expect: Expectation = Expectation()


class Without(Part, frozen=True, kw_only=True):
    """Checks that are taken out, to see what notices.

    Attributes:
        guards: Action type to the guards that it does without, early or not.
        gates: The engine's gates that are missing, by name.
    """

    guards: dict[str, list[str]] = {}
    gates: list[str] = []

    def __bool__(self) -> bool:
        """Whether anything is taken out."""
        return bool(self.guards or self.gates)


class Scenario(Part, frozen=True, kw_only=True):
    """One scenario.

    Attributes:
        initial_state: Tokens, and the domain's part; see ``labtrust_core.golden.initial``.
        timing_mode: Whether time comes from the events (``explicit``) or the clockwork runs between
            them.
        advance_to: Second up to which the clockwork runs before the first step, in simulated time.
        covers: Notes for readers on what the scenario is there for.
        without: Checks that this scenario does without, to show that invariants find by another
            road what a missing check lets through. It counts as coverage of invariants only.
        post_run_hooks: Hooks run after a script that passed, by name.
        post_run: The same with parameters: ``action`` names the hook.
    """

    scenario_id: ScenarioId
    title: str = ""
    initial_state: dict[str, Any]
    script: Annotated[list[Step], msgspec.Meta(min_length=1)]
    timing_mode: Mode | UnsetType = UNSET
    advance_to: Seconds | UnsetType = UNSET
    covers: list[str] = []
    without: Without = Without()
    post_run_hooks: list[str] = []
    post_run: list[dict[str, Any]] = []
    transport_fault_injection: dict[str, Any] = {}


class SuiteTime(Part, frozen=True, kw_only=True):
    """The clock starts at 0; ``dt_s`` is a hint for readers, since every step states its time."""

    dt_s: Seconds = 0
    t0_s: Literal[0] = 0


class Deterministic(Part, frozen=True, kw_only=True):
    """``rng_seed``: seed of every scenario, and of the test keys."""

    rng_seed: int
    time: SuiteTime = SuiteTime()


class RunnerContract(Part, frozen=True, kw_only=True):
    """What a suite expects of its runner, in words, and which fields an event step must have."""

    semantics: list[str] = []
    event_fields_required: list[str] = []


class FixtureAgent(Part, frozen=True, kw_only=True):
    """An agent of scenarios that place none of their own."""

    agent_id: str
    zone_id: str
    role: str | None = None
    key_id: str | None = None


class FixtureDevice(Part, frozen=True, kw_only=True):
    """A device, for readers: devices are policy's."""

    device_id: str
    device_type: str
    zone_id: str


class Fixtures(Part, frozen=True, kw_only=True):
    """What scenarios share. Keys, devices and base system are notes: all three are policy's."""

    keys: dict[str, str] = {}
    agents: list[FixtureAgent] = []
    devices: list[FixtureDevice] = []
    base_system: dict[str, Any] = {}
    specimen_templates: dict[str, dict[str, Any]] = {}


class Suite(Part, frozen=True, kw_only=True):
    """The content of one suite file, or of several read together."""

    version: Literal["0.1", "1.0"]
    deterministic: Deterministic
    depends_on: list[str] = []
    runner_contract: RunnerContract = RunnerContract()
    fixtures: Fixtures = Fixtures()
    scenarios: list[Scenario]

    @property
    def exact(self) -> bool:
        """Whether expectations of emits and tokens name all of them, not some."""
        return self.version == EXACT_VERSION


class SuiteFile(Part, frozen=True, kw_only=True):
    """A suite file: one top-level key."""

    golden_suite: Suite


class TestKeys(Part, frozen=True, kw_only=True):
    """``golden/test_keys``: who holds which test key; keys are derived from the suite's seed."""

    __test__ = False  # not a test class, whatever its name

    version: str
    keys: dict[str, TestKeyBinding]
