"""Whether a specimen is still good.

Time since collection and separation, and temperature, from what the world recorded.
"""

from __future__ import annotations

from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import Specimen


def stability_breach(tables: LabTables, specimen: Specimen, now_s: int) -> tuple[str, str] | None:
    """Return ``(reason code, detail)`` when a specimen is too old for analysis, else ``None``.

    Before separation the time from collection counts; after it, the time since separation in the
    specimen's band. A panel that needs no separation counts from collection throughout.
    """
    limits = tables.stability[specimen.panel_id]
    separated = specimen.separated_s
    if limits.pre_separation_s is not None:
        waited = (now_s if separated is None else separated) - specimen.collected_s
        if waited > limits.pre_separation_s:
            return (
                "TIME_EXPIRED",
                f"{waited} s before separation, at most {limits.pre_separation_s} s are allowed",
            )
    needs_separation = tables.panels[specimen.panel_id].needs_separation
    start = separated if needs_separation else specimen.collected_s
    if start is None:
        return None
    limit = limits.post_separation_s.get(specimen.temp_band)
    if limit is None:
        return "TIME_EXPIRED", f"no stability is known in {specimen.temp_band}"
    if now_s - start > limit:
        return (
            "TIME_EXPIRED",
            f"{now_s - start} s in {specimen.temp_band}, at most {limit} s are allowed",
        )
    return None


def temperature_breach(tables: LabTables, specimen: Specimen, now_s: int) -> str | None:
    """Return a sentence when a specimen was too long outside the band that it needs, else ``None``.

    A prohibited band is a breach at once; any other band than the required one counts from its
    grace on.
    """
    prohibited = tables.stability[specimen.panel_id].prohibited_bands
    if not specimen.exposures:
        return None
    ends = [start for start, _ in specimen.exposures[1:]] + [now_s]
    outside = 0
    exposed = False
    for (start, band), end in zip(specimen.exposures, ends, strict=True):
        if band in prohibited:
            return f"it was in {band}"
        if specimen.storage_requirement is not None and band != specimen.storage_requirement:
            exposed = True
            outside += max(0, end - start)
    if exposed and outside >= tables.grace_s:
        needed = specimen.storage_requirement
        return f"{outside} s outside {needed}, less than {tables.grace_s} s are allowed"
    return None
