"""The instances: a few specimens that are all at reception when the episode begins.

Nothing arrives later, no device breaks down and no control is due, so an instance is a scheduling
problem with all its data on the table. It is generated from a seed, and it is a scenario that a
session takes like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UnknownNameError
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import Specimen
from labtrust_core.hospital_lab.values import draw_value
from labtrust_core.randomness import Stream, stream
from labtrust_env.session import Session, SessionConfig

HORIZON_S: Final = 3_600
COLLECTED_S: Final = -1_800
"""When the tubes were drawn: half an hour before the episode."""

_PANELS: Final = ("BIOCHEM_PANEL_CORE", "HAEM_PANEL_CORE", "BIOCHEM_PANEL_CORE", "COAG_PANEL_CORE")
_PRIORITIES: Final = ("STAT", "ROUTINE", "URGENT", "ROUTINE")
_TUBES: Final[Mapping[str, str]] = {
    "BIOCHEM_PANEL_CORE": "SERUM_SST",
    "HAEM_PANEL_CORE": "WHOLE_BLOOD_EDTA",
    "COAG_PANEL_CORE": "PLASMA_CITRATE",
}


@dataclass(frozen=True, slots=True)
class Tube:
    """One specimen of an instance."""

    specimen_id: str
    panel_id: str
    priority: str
    patient: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A static instance.

    Attributes:
        name: What users type.
        crew: Name of a crew of policy.
        seed: Seed of the episode, which fixes the measured values.
        tubes: The specimens, all at reception at time 0.
    """

    name: str
    crew: str
    seed: int
    tubes: tuple[Tube, ...]

    def scenario(self) -> dict[str, Any]:
        """Return what the initial state holds besides crew and horizon."""
        specimens = [
            {
                "specimen_id": tube.specimen_id,
                "panel_id": tube.panel_id,
                "priority": tube.priority,
                "patient_identifiers_hash": tube.patient,
                "container_type": _TUBES[tube.panel_id],
                "collection_ts_s": COLLECTED_S,
                "arrival_ts_s": 0,
            }
            for tube in self.tubes
        ]
        return {"specimens": specimens}

    def session(self, policy: CompiledPolicy) -> Session:
        """Return a session that plays it; reset it with the instance's seed.

        Raises:
            UnknownNameError: Policy knows no such crew.
        """
        config = SessionConfig(
            self.crew, None, HORIZON_S, arrivals_until_s=0, faults=False, scenario=self.scenario()
        )
        return Session(policy, config)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an instance is generated from: crew, seed, and one panel and priority a specimen.

    Where nothing is listed, ``count`` specimens are drawn.
    """

    crew: str
    seed: int
    count: int
    listed: tuple[tuple[str, str], ...] = ()


RECIPES: Final[dict[str, Recipe]] = {
    "one_blood_count": Recipe("standard", 1, 1, (("HAEM_PANEL_CORE", "STAT"),)),
    "one_chemistry": Recipe("standard", 2, 1, (("BIOCHEM_PANEL_CORE", "STAT"),)),
    "two_of_a_kind": Recipe("standard", 3, 2, (("HAEM_PANEL_CORE", "STAT"),) * 2),
    "four": Recipe("standard", 7, 4),
    "four_night": Recipe("night", 5, 4),
    "six": Recipe("standard", 6, 6),
    "eight": Recipe("standard", 8, 8),
    "eight_night": Recipe("night", 9, 8),
    "ten": Recipe("standard", 10, 10),
    "twelve": Recipe("standard", 12, 12),
}
"""The instances by name, small ones first."""


def get_instance(name: str, policy: CompiledPolicy) -> Instance:
    """Return an instance.

    Raises:
        UnknownNameError: There is none of that name.
    """
    if name not in RECIPES:
        raise UnknownNameError("instance", name, RECIPES)
    return generate(name, RECIPES[name], policy.tables)


def generate(name: str, recipe: Recipe, tables: LabTables) -> Instance:
    """Return the instance that a recipe makes.

    Patients are drawn until every value lies where autoverification lets it go, so that no result
    waits for a person.
    """
    draws = stream(recipe.seed, "bounds/instance")
    listed = recipe.listed or tuple(
        (_pick(draws, _PANELS, number, 0), _pick(draws, _PRIORITIES, number, 1))
        for number in range(recipe.count)
    )
    tubes = tuple(
        _unremarkable(recipe.seed, tables, f"S{number:02}", panel, priority)
        for number, (panel, priority) in enumerate(listed, start=1)
    )
    return Instance(name, recipe.crew, recipe.seed, tubes)


def _pick(draws: Stream, values: tuple[str, ...], number: int, kind: int) -> str:
    return values[draws.below(len(values), f"tube/{number}", kind)]


def _unremarkable(
    seed: int, tables: LabTables, specimen_id: str, panel: str, priority: str
) -> Tube:
    number = 0
    while True:
        tube = Tube(specimen_id, panel, priority, f"PAT_{specimen_id}_{number}")
        if _is_normal(seed, tables, tube):
            return tube
        number += 1


def _is_normal(seed: int, tables: LabTables, tube: Tube) -> bool:
    """Whether every true value is inside its reference interval: verification allows more."""
    specimen = Specimen(
        specimen_id=tube.specimen_id,
        panel_id=tube.panel_id,
        container_type=_TUBES[tube.panel_id],
        specimen_type=tables.panels[tube.panel_id].specimen_type,
        priority=tube.priority,
        patient_id=tube.patient,
        place="",
        collected_s=COLLECTED_S,
        arrived_s=0,
    )
    analytes = (tables.analytes[code] for code in tables.panels[tube.panel_id].analytes)
    return all(item.reference_flag(draw_value(seed, item, specimen)) is None for item in analytes)
