"""Devices, their reliability and their reagents, as policy documents.

Times in seconds, stock in tests.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from labtrust_core.policy.model import Closed, Document


class QcModel(Closed, frozen=True, kw_only=True):
    """Quality control of a device type.

    Valid for ``interval_s`` or ``max_runs`` runs; takes ``duration_s``.
    """

    interval_s: int
    max_runs: int
    duration_s: int


class DeviceType(Closed, frozen=True, kw_only=True):
    """What a device of this type does and how fast.

    Attributes:
        kind: ``centrifuge`` (batches of specimens), ``aliquoter`` (one specimen) or ``analyser``
            (queued runs).
        units: Runs that can go on at the same time.
        batch_max: Specimens in one run.
        panels: Panels it serves.
        setup_s, run_s, teardown_s: Times of one run; an analyser's run takes ``run_s`` of the panel
            if given in ``panel_run_s``.
        qc: Its quality control; ``None`` where it needs none.
        queue_capacity: Work items that may wait.
    """

    kind: Literal["centrifuge", "aliquoter", "analyser"]
    units: int
    batch_max: int
    panels: list[str]
    setup_s: int = 0
    run_s: int
    teardown_s: int = 0
    panel_run_s: dict[str, int] = msgspec.field(default_factory=dict)
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
    stat_share_window: int
    device_types: dict[str, DeviceType]
    devices: dict[str, Device]


class FailureModel(Closed, frozen=True, kw_only=True):
    """Mean seconds between failures and mean seconds to repair (both exponential)."""

    mtbf_s: int
    mttr_s: int


class MaintenanceWindow(Closed, frozen=True, kw_only=True):
    """A planned stop of one device, ``[start_s, end_s)`` in episode time."""

    device: str
    start_s: int
    end_s: int


class Failures(Document, frozen=True, kw_only=True):
    """``equipment/failure_models``: faults by device, and maintenance windows."""

    models: dict[str, FailureModel]
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
