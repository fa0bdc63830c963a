"""One day of a site in plain records: what measures look at, and nothing else.

The scripted crew plays the day; an observer notes what the world forgets (what was asked for, how
long devices were broken, what the controls said), and the rest is read from the world at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.tables import AnalyteTable, LabTables
from labtrust_core.hospital_lab.things import Device, Result, Run, Specimen
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_env.session import Session
from labtrust_env.sites import site_session

from labtrust_bench.agents.scripted import scripted_crew
from labtrust_bench.runs.episode import run_episode

SPOILT: Final = "TIME_EXPIRED"
REJECTING_RULES: Final = frozenset({"1-3s", "2-2s", "R-4s"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tube:
    """One specimen.

    Attributes:
        discipline: First part of its panel's id, such as BIOCHEM.
        source: Kind of place where it was drawn.
        tests: Analytes of the panel that was asked for when it came.
        released_s: When it was released first; ``None`` if never.
        rejected: Whether it was turned away for what it was when it came.
        spoilt: Whether it was thrown away because it had waited too long.
        potassium: Its first potassium in mmol/L, if there is one.
    """

    request_id: str = "R1"
    discipline: str = "BIOCHEM"
    priority: str = "ROUTINE"
    source: str = "gp"
    tests: int = 8
    collected_s: int = 0
    arrived_s: int = 3_600
    released_s: int | None = None
    rejected: bool = False
    spoilt: bool = False
    label_error: bool = False
    identity_error: bool = False
    wrong_blood: bool = False
    insufficient: bool = False
    clotted: bool = False
    haemolysed: bool = False
    free_hb_mg_l: int = 0
    potassium: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One measured value.

    Attributes:
        analyte: Its code.
        critical: Whether it is beyond a critical limit.
        change: Difference from the patient's last value, in the analyte's unit; ``None`` where none
            was compared.
        flagged: Whether that failed the delta check.
    """

    analyte: str
    critical: bool = False
    change: float | None = None
    flagged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalCall:
    """What became of one critical result that needed a call; seconds of the day.

    Attributes:
        read_back: One entry for each answered call: whether it was read back.
    """

    collected_s: int
    generated_s: int
    called_s: int | None = None
    acknowledged_s: int | None = None
    read_back: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One device.

    Attributes:
        busy_permille: Share of the time of its units that they were occupied.
        tests_per_h: Median over its runs of their tests per hour; ``None`` without runs.
        down_s: Time for which it was broken.
    """

    device_id: str
    kind: str
    busy_permille: int = 0
    tests_per_h: float | None = None
    down_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What autoverification made of a discipline: specimens and results, seen and passed."""

    specimens: int = 0
    released: int = 0
    tests: int = 0
    passed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One simulated day.

    Attributes:
        length_s: Its length in seconds.
        starts_at_s: Time of day at which it begins.
        verified: Discipline to what autoverification made of it.
        controls: Control runs of one analyte each.
        controls_rejected: How many of them broke a rule that rejects.
    """

    seed: int
    length_s: int = 86_400
    starts_at_s: int = 0
    tubes: tuple[Tube, ...] = ()
    readings: tuple[Reading, ...] = ()
    calls: tuple[CriticalCall, ...] = ()
    machines: tuple[Machine, ...] = ()
    verified: dict[str, Verified]
    controls: int = 0
    controls_rejected: int = 0


class _Notes:
    """The observer: keeps what the world at the end does not tell."""

    def __init__(self) -> None:
        self.asked: dict[str, str] = {}
        self.down_s: dict[str, int] = {}
        self.controls = 0
        self.rejected = 0
        self._down_until: dict[str, int] = {}

    def begin(self, session: Session) -> None:
        """Nothing is kept from before: one observer a day."""
        self.down_s = dict.fromkeys(session.ctx.world.devices, 0)

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Note arrivals, faults and controls."""
        world: LabWorld = session.ctx.world
        for result in results:
            if result.event is None or not result.accepted:
                continue
            if result.event.action_type == "SYS_ARRIVAL":
                for item in result.data["specimen_ids"]:
                    self.asked[item] = world.specimens[item].panel_id
            elif result.event.action_type == "SYS_DEVICE_FAULT":
                self._fault(
                    result.event.args["device_id"],
                    result.event.t_s,
                    min(result.data["repair_until_s"], session.config.horizon_s),
                )
            elif result.event.action_type == "QC_EVENT":
                broken = result.data.get("rules", {}).values()
                self.controls += len(result.data.get("controls", {}))
                self.rejected += sum(not REJECTING_RULES.isdisjoint(item) for item in broken)

    def end(self, session: Session) -> None:
        """Nothing is left to do."""

    def _fault(self, device_id: str, began_s: int, until_s: int) -> None:
        """Count the time that a fault adds; one that strikes during a repair prolongs it."""
        since = max(began_s, self._down_until.get(device_id, 0))
        self.down_s[device_id] += max(0, until_s - since)
        self._down_until[device_id] = max(until_s, since)


def play_day(policy: CompiledPolicy, site: str, seed: int) -> Day:
    """Play one day of a site with the scripted crew and return its records.

    Args:
        policy: Policy that states the site.
        site: Name of a site profile.
        seed: Fixes the day, in 0..2^64-1.

    Raises:
        UnknownNameError: Policy knows no such site.
    """
    session = Session(policy, site_session(policy, site))
    notes = _Notes()
    run_episode(session, scripted_crew(session.members), seed, (notes,))
    world: LabWorld = session.ctx.world
    tables: LabTables = policy.tables
    return Day(
        seed=seed,
        length_s=session.config.horizon_s,
        starts_at_s=world.starts_at_s,
        tubes=tuple(
            _tube(tables, world, item, notes.asked.get(item.specimen_id, item.panel_id))
            for item in world.specimens.values()
        ),
        readings=tuple(
            _reading(tables.analytes[item.analyte or ""], item) for item in world.results.values()
        ),
        calls=tuple(_call(world, item) for item in world.results.values() if _needs_call(item)),
        machines=tuple(
            _machine(tables, world, item, notes, session.now) for item in world.devices.values()
        ),
        verified=_verified(world),
        controls=notes.controls,
        controls_rejected=notes.rejected,
    )


def discipline(panel_id: str) -> str:
    """Return the first part of a panel's id."""
    return panel_id.partition("_")[0]


def _tube(tables: LabTables, world: LabWorld, item: Specimen, panel_id: str) -> Tube:
    code = "BIOCHEM_POTASSIUM_K"
    measured = (world.results[name] for name in item.results)
    first = next((found.value for found in measured if found.analyte == code), None)
    return Tube(
        request_id=item.request_id,
        discipline=discipline(panel_id),
        priority=item.priority,
        source=item.source,
        tests=len(tables.panels[panel_id].analytes),
        collected_s=item.collected_s,
        arrived_s=item.arrived_s,
        released_s=item.released_s,
        rejected=item.status == "rejected" and item.reason != SPOILT,
        spoilt=item.status == "rejected" and item.reason == SPOILT,
        label_error=item.label_issue or item.unlabelled,
        identity_error=not item.identity_ok,
        wrong_blood=item.wrong_blood,
        insufficient=item.insufficient_volume or item.fill_ratio_ok is False,
        clotted=item.clot,
        haemolysed=item.hemolysis,
        free_hb_mg_l=item.free_hb_mg_l,
        potassium=None if first is None else _in_unit(tables.analytes[code], first),
    )


def _in_unit(table: AnalyteTable, value: int) -> float:
    return float(value) / 10.0**table.decimals


def _reading(table: AnalyteTable, item: Result) -> Reading:
    return Reading(
        analyte=table.code,
        critical=item.criticality != "NONE",
        change=None if item.delta is None else _in_unit(table, item.delta),
        flagged=not {"U", "D"}.isdisjoint(item.flags),
    )


def _needs_call(item: Result) -> bool:
    """Whether it is critical and not known; what was measured anew before a call is not meant."""
    current = item.status != "superseded" or bool(item.attempts)
    return item.criticality != "NONE" and item.call_required and current


def _call(world: LabWorld, item: Result) -> CriticalCall:
    return CriticalCall(
        collected_s=world.specimens[item.specimen_id or ""].collected_s,
        generated_s=item.generated_s,
        called_s=item.notified_s,
        acknowledged_s=item.acknowledged_s,
        read_back=tuple(call.read_back for call in item.attempts if call.answered_s is not None),
    )


def _machine(
    tables: LabTables, world: LabWorld, item: Device, notes: _Notes, now_s: int
) -> Machine:
    ahead_s = sum(max(0, free_s - now_s) for free_s in item.unit_free_s)
    rates = [
        3_600 * _tests(tables, notes, run) / (run.ends_s - run.started_s)
        for run in world.runs.values()
        if run.device_id == item.device_id and run.ends_s > run.started_s
    ]
    return Machine(
        device_id=item.device_id,
        kind=tables.devices[item.device_id].type.kind,
        busy_permille=1_000 * (item.busy_s - ahead_s) // (len(item.unit_free_s) * now_s),
        tests_per_h=median(rates) if rates else None,
        down_s=notes.down_s[item.device_id],
    )


def _tests(tables: LabTables, notes: _Notes, run: Run) -> int:
    panels = (notes.asked.get(name) for name in run.specimen_ids)
    return sum(len(tables.panels[panel_id].analytes) for panel_id in panels if panel_id is not None)


def _verified(world: LabWorld) -> dict[str, Verified]:
    found: dict[str, Verified] = {}
    for panel_id, item in sorted(world.verified.items()):
        before = found.get(discipline(panel_id), Verified())
        found[discipline(panel_id)] = Verified(
            specimens=before.specimens + item.specimens,
            released=before.released + item.released,
            tests=before.tests + item.tests,
            passed=before.passed + item.tests_passed,
        )
    return found
