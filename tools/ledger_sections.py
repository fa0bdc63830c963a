"""Sections of `docs/` that show the ledger of a small episode."""

from __future__ import annotations

import importlib
import json
import sys

from docs_markdown import ROOT
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine


def _log() -> list[bytes]:
    """Return the ledger of a small episode in the warehouse: start, two events, end."""
    sys.path.insert(0, str(ROOT / "examples"))
    warehouse = importlib.import_module("warehouse_domain.domain")
    policy = open_policy(warehouse.POLICY_DIR, domain=warehouse.COLD_CHAIN_WAREHOUSE)
    lines: list[bytes] = []
    engine = Engine(policy)
    engine.reset(
        {"pallets": [{"pallet_id": "P1", "sku": "SKU_FISH", "cases": 5}]},
        EpisodeConfig("example-1", 7, simulated=False, signatures_required=False),
        sink=lines.append,
    )
    for number, (agent, action) in enumerate(
        [("A_RECEIVER", "RECEIVE_PALLET"), ("A_PICKER", "RECEIVE_PALLET")]
    ):
        args = {"pallet_id": "P1", "to_zone": "Z_DOCK", "reading_mc": -19000}
        engine.step(
            {
                "event_id": f"E{number + 1}",
                "t_s": 60 * number,
                "agent_id": agent,
                "action_type": action,
                "args": args,
            }
        )
    engine.finish()
    return lines


def log_section() -> str:
    """Return the lines of a small log as they stand in the file."""
    return "\n\n".join(
        f'```json title="line {number}: {json.loads(line)["kind"]}, {len(line)} bytes"\n'
        f"{line.decode()}\n```"
        for number, line in enumerate(_log())
    )


def record_section() -> str:
    """Return the refused event of the small log, spread over lines for reading."""
    record = json.loads(_log()[2])
    return f"```json\n{json.dumps(record, indent=2, ensure_ascii=False)}\n```"
