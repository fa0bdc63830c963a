"""What an environment is made with: one frozen object, and its keyword form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypedDict

from labtrust_core.errors import UnknownNameError, UsageError

from labtrust_env.render_modes import RENDER_MODES
from labtrust_env.rewards import RewardConfig
from labtrust_env.session import SessionConfig

MaskPlace = Literal["both", "obs", "info", "none"]
ObservationForm = Literal["flat", "structured"]
OBSERVATION_FORMS: Final = ("flat", "structured")
MASK_PLACES: Final = ("both", "obs", "info", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvConfig:
    """What an environment runs and how it shows itself.

    Attributes:
        crew: Name of a crew of policy; its members are the agents.
        workload: Name of a workload profile of policy; ``None`` for none.
        horizon_s: Length of an episode in seconds of simulated time.
        arrivals_until_s: No specimen arrives after this; by default the horizon.
        dt_s: Length of a step in seconds.
        max_cycles: Length of an episode in steps; instead of ``horizon_s``.
        signed: Whether every event is signed and unsigned ones are refused.
        faults: Whether devices break down.
        scenario: Further parts of the initial state of every episode.
        reward_config: What counts how much.
        mask_in: Where the action mask is: in the observation, in the infos, in both or nowhere.
            Without one in the observation, that is the bare vector or the bare fields.
        observation_form: ``flat``: one vector; ``structured``: a mapping of its fields by name.
        ends_when_done: Whether an episode terminates when no specimen is to come and none is left
            to release or reject.
        render_mode: ``ansi``, ``rgb_array``, ``human`` or ``None``.
        strict_options: Whether an unknown reset option is an error, not only a warning.
        policy_dir: The policy folder; by default the one in force.
        partner: Id of the partner whose overlay applies.

    Raises:
        UnknownNameError: ``mask_in``, ``observation_form`` or ``render_mode`` is none of those.
        UsageError: ``max_cycles`` is not positive.
    """

    crew: str = "standard"
    workload: str | None = "district_shift"
    horizon_s: int = 28_800
    arrivals_until_s: int | None = None
    dt_s: int = 10
    max_cycles: int | None = None
    signed: bool = False
    faults: bool = True
    scenario: Mapping[str, Any] = field(default_factory=dict)
    reward_config: RewardConfig = field(default_factory=RewardConfig)
    mask_in: MaskPlace = "both"
    observation_form: ObservationForm = "flat"
    ends_when_done: bool = False
    render_mode: str | None = None
    strict_options: bool = False
    policy_dir: Path | None = None
    partner: str | None = None

    def __post_init__(self) -> None:
        """Check what no later step checks."""
        if self.mask_in not in MASK_PLACES:
            raise UnknownNameError("place of the mask", self.mask_in, MASK_PLACES)
        if self.observation_form not in OBSERVATION_FORMS:
            raise UnknownNameError("form of observations", self.observation_form, OBSERVATION_FORMS)
        if self.render_mode is not None and self.render_mode not in RENDER_MODES:
            raise UnknownNameError("render mode", self.render_mode, RENDER_MODES)
        if self.max_cycles is not None and self.max_cycles < 1:
            raise UsageError(f"max_cycles must be at least 1, found {self.max_cycles}")

    def session(self, max_cycles: int | None) -> SessionConfig:
        """Return what the session runs when an episode has ``max_cycles`` steps."""
        return SessionConfig(
            crew=self.crew,
            workload=self.workload,
            horizon_s=self.horizon_s if max_cycles is None else max_cycles * self.dt_s,
            arrivals_until_s=self.arrivals_until_s,
            dt_s=self.dt_s,
            signed=self.signed,
            faults=self.faults,
            scenario=self.scenario,
            ends_when_done=self.ends_when_done,
        )


class EnvOptions(TypedDict, total=False):
    """The fields of ``EnvConfig`` as keyword arguments."""

    crew: str
    workload: str | None
    horizon_s: int
    arrivals_until_s: int | None
    dt_s: int
    max_cycles: int | None
    signed: bool
    faults: bool
    scenario: Mapping[str, Any]
    reward_config: RewardConfig
    mask_in: MaskPlace
    observation_form: ObservationForm
    ends_when_done: bool
    render_mode: str | None
    strict_options: bool
    policy_dir: Path | None
    partner: str | None


def array_options(options: EnvOptions) -> EnvOptions:
    """Return options for observations of two arrays: the flat vector, and the mask beside it.

    Raises:
        UsageError: The options ask for another form.
    """
    for name in ("mask_in", "observation_form"):
        if name in options:
            raise UsageError(f"{name} is no option here: an observation is a vector and a mask")
    return {**options, "mask_in": "obs"}
