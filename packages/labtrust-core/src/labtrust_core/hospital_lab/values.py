"""Simulated values of analytes.

A value is the patient's own set point, what varies between two collections of that patient, and the
bias of free haemoglobin. Each has draws of its own, so a rerun of a tube finds the same blood; the
error of the measurement is the analyser's.
"""

from __future__ import annotations

from typing import Final

from labtrust_core.hospital_lab.tables import AnalyteTable
from labtrust_core.hospital_lab.things import Specimen
from labtrust_core.randomness import Stream, stream

_FINE: Final = 1_000
"""Intermediate values are integers of a thousandth of the analyte's own scale."""


def draw_value(seed: int, table: AnalyteTable, specimen: Specimen) -> int:
    """Draw the value of an analyte in a specimen, as an integer of ``10**-decimals``.

    Never below zero. A tube with the wrong blood has the set point of somebody else.
    """
    unknown = specimen.wrong_blood or not specimen.patient_id
    person = specimen.specimen_id if unknown else specimen.patient_id
    draws = stream(seed, f"value/{table.code}")
    ill = draws.chance_ppm(table.ill_ppm, person, 1)
    centre, percent = (table.ill_median, table.ill_percent) if ill else (table.median, 100)
    point = _vary(draws, table, centre * _FINE, table.spread * percent // 100, (person, 0))
    collection = f"{person}/{specimen.specimen_id}"
    blood = _vary(draws, table, point, table.within * percent // 100, (collection, 0))
    blood += table.hemolysis_bias * specimen.free_hb_mg_l // 1_000  # the bias is per gram
    return (max(0, blood) + _FINE // 2) // _FINE


def _vary(
    draws: Stream, table: AnalyteTable, centre: int, deviation: int, draw: tuple[str, int]
) -> int:
    """Draw around ``centre``: by a deviation, or where it is lognormal by one of its logarithm."""
    if table.distribution == "normal":
        return max(0, draws.normal_milli(centre, deviation, *draw))
    return draws.lognormal_milli(centre, deviation, *draw)


def decimal_text(value: int, decimals: int) -> str:
    """Return a scaled integer as a decimal string with exactly ``decimals`` places."""
    if decimals == 0:
        return str(value)
    whole, rest = divmod(value, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"
