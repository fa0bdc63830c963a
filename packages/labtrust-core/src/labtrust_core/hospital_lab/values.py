"""Simulated values of analytes."""

from __future__ import annotations

from labtrust_core.hospital_lab.tables import AnalyteTable
from labtrust_core.hospital_lab.things import Specimen
from labtrust_core.randomness import stream


def draw_value(seed: int, table: AnalyteTable, specimen: Specimen) -> int:
    """Draw the value of an analyte in a specimen, as an integer of ``10**-decimals``.

    Never below zero.
    """
    draws = stream(seed, f"value/{table.code}")
    if table.distribution == "normal":
        value = draws.normal_milli(table.median, table.sd, specimen.specimen_id, specimen.reruns)
    else:
        value = draws.lognormal_milli(
            table.median, table.sigma_milli, specimen.specimen_id, specimen.reruns
        )
    return max(0, value)


def decimal_text(value: int, decimals: int) -> str:
    """Return a scaled integer as a decimal string with exactly ``decimals`` places."""
    if decimals == 0:
        return str(value)
    whole, rest = divmod(value, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"
