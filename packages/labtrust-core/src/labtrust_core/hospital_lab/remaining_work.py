"""How long the devices still need for a specimen: by panel and status, from policy's times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from labtrust_core.hospital_lab.documents.catalogue import Panel

if TYPE_CHECKING:
    from labtrust_core.hospital_lab.tables import DeviceTable

_BEFORE_THE_DEVICES: Final = ("arrived_at_reception", "accessioning", "held", "accepted")


def remaining_work(
    panels: Mapping[str, Panel], devices: Mapping[str, DeviceTable]
) -> dict[str, dict[str, int]]:
    """Return panel to status to seconds; a status that is not in it has no such work left.

    Occupancy and latency of the stages ahead, each on the quickest device that does it. Waiting,
    carrying and handling by people are not in it.
    """
    return {name: _of_panel(name, panel, devices) for name, panel in panels.items()}


def _of_panel(name: str, panel: Panel, devices: Mapping[str, DeviceTable]) -> dict[str, int]:
    analysis = _stage_s(name, "analyser", devices)
    aliquoted = analysis + (_stage_s(name, "aliquoter", devices) if panel.needs_aliquot else 0)
    whole = aliquoted + (_stage_s(name, "centrifuge", devices) if panel.needs_separation else 0)
    return {
        **dict.fromkeys(_BEFORE_THE_DEVICES, whole),
        "separated": aliquoted,
        "aliquoted": analysis,
    }


def _stage_s(panel: str, kind: str, devices: Mapping[str, DeviceTable]) -> int:
    times = (
        item.run_s[panel] + item.latency_s[panel]
        for item in devices.values()
        if item.type.kind == kind and panel in item.panels
    )
    return min(times, default=0)
