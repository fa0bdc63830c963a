"""Adapters of the laboratory's tools.

What an agent may read through a tool call. They change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.trust.tools import ToolAdapter


def read_lims(env: LabContext, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the information system knows of one accession (a specimen), and its results."""
    specimen = env.world.specimens.get(args["accession_id"])
    if specimen is None:
        return {"found": False}
    limit = args.get("limit", len(specimen.results))
    return {
        "found": True,
        "accession_id": specimen.specimen_id,
        "panel_id": specimen.panel_id,
        "priority": specimen.priority,
        "status": specimen.status,
        "results": [
            {
                "result_id": item,
                "analyte_code": env.world.results[item].analyte,
                "status": env.world.results[item].status,
            }
            for item in specimen.results[:limit]
        ],
    }


def query_queue(env: LabContext, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what waits for one device."""
    machine = env.world.devices.get(args["device_id"])
    if machine is None:
        return {"found": False}
    waiting = sorted([*machine.queue.stat, *machine.queue.other])
    limit = args.get("limit", len(waiting))
    return {
        "found": True,
        "device_id": machine.device_id,
        "length": len(waiting),
        "head": machine.queue.head(env.tables.stat_share_percent),
        "work": [{"work_id": entry.work_id, "rank": entry.rank} for entry in waiting[:limit]],
    }


TOOLS: Final[dict[str, ToolAdapter]] = {"read_lims_v1": read_lims, "query_queue_v1": query_queue}
