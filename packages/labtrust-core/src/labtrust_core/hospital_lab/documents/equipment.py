"""Devices, their reliability and their reagents, as policy documents.

Times in seconds, stock in tests.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from labtrust_core.policy.model import Closed, Document, Positive


class QcModel(Closed, frozen=True, kw_only=True):
    """Quality control of a device type.

    Valid for ``interval_s`` or ``max_runs`` runs; takes ``duration_s``.
    """

    interval_s: int
    max_runs: int
    duration_s: int


class Rate(Closed, frozen=True, kw_only=True):
    """How fast an analyser takes work in.

    Attributes:
        per: Whether the rate counts tests (each analyte of a panel) or specimens.
        nominal_per_h: The maker's figure for an hour.
        efficiency_percent: What routine use makes of it.
    """

    per: Literal["test", "specimen"]
    nominal_per_h: Positive
    efficiency_percent: Positive


class Loading(Closed, frozen=True, kw_only=True):
    """The bench's rule for starting a batch that is not full.

    A urgent (STAT) specimen starts it at once.

    Attributes:
        min_batch: So many waiting specimens start a batch.
        max_wait_s: So long a wait of one specimen starts it too.
    """

    min_batch: Positive
    max_wait_s: Positive


class DeviceType(Closed, frozen=True, kw_only=True):
    """What a device of this type does and how fast.

    Attributes:
        kind: ``centrifuge`` (batches of specimens), ``aliquoter`` (one specimen) or ``analyser``
            (queued runs).
        units: Runs that can go on at the same time.
        batch_max: Specimens in one run.
        panels: Panels it serves.
        setup_s, run_s, teardown_s: Times of one run, which occupy a unit. Where there is a
            ``rate``, it takes the place of ``run_s``.
        rate: How fast an analyser takes specimens in; while one is measured it takes the next.
        latency_s: Time from the end of the occupation to the results, by panel; none without.
        prints_labels: Whether an aliquoter labels the aliquots that it makes.
        loading: When a batch that is not full starts; only a centrifuge has such a rule.
        qc: Its quality control; ``None`` where it needs none.
        queue_capacity: Work items that may wait.
    """

    kind: Literal["centrifuge", "aliquoter", "analyser"]
    units: int
    batch_max: int
    panels: list[str]
    setup_s: int = 0
    run_s: int = 0
    teardown_s: int = 0
    rate: Rate | None = None
    latency_s: dict[str, int] = msgspec.field(default_factory=dict)
    prints_labels: bool = False
    loading: Loading | None = None
    queue_capacity: int = 0
    qc: QcModel | None = None
    source: str = ""


class Device(Closed, frozen=True, kw_only=True):
    """A device and where it stands."""

    type: str
    zone: str


class Equipment(Document, frozen=True, kw_only=True):
    """``equipment/equipment_registry``.

    Types and instances. ``max_stat_queue_share_percent``: fairness guard.
    """

    max_stat_queue_share_percent: int
    stat_share_window: Positive
    device_types: dict[str, DeviceType]
    devices: dict[str, Device]


class FailureModel(Closed, frozen=True, kw_only=True):
    """One kind of fault of a device.

    Attributes:
        mtbf_s: Mean seconds from a repair to the next fault (exponential).
        mttr_s: Mean seconds to repair (exponential).
        needs_qc: Whether controls must be run after the repair.
    """

    mtbf_s: Positive
    mttr_s: Positive
    needs_qc: bool
    source: str = ""


class MaintenanceWindow(Closed, frozen=True, kw_only=True):
    """A planned stop of one device: ``[start_s, end_s)`` in time of day, on some days.

    Attributes:
        device: The device.
        start_s, end_s: Seconds since midnight.
        every_days: 1 for every day, 7 for once a week.
        first_day: The first such day of the episode, counted from 0.
    """

    device: str
    start_s: int
    end_s: int
    every_days: Positive = 1
    first_day: int = 0


class Failures(Document, frozen=True, kw_only=True):
    """``equipment/failure_models``: kinds of faults by device, and maintenance windows."""

    models: dict[str, dict[str, FailureModel]]
    maintenance: dict[str, MaintenanceWindow]


class Reagent(Closed, frozen=True, kw_only=True):
    """Stock of one reagent, in tests, and what one delivery brings."""

    initial_stock: int
    delivery: int


class PanelReagent(Closed, frozen=True, kw_only=True):
    """What one run of a panel uses."""

    reagent: str
    units: int


class Reagents(Document, frozen=True, kw_only=True):
    """``reagents/``: stock and use."""

    reagents: dict[str, Reagent]
    panels: dict[str, PanelReagent]
