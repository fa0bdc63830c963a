"""Sessions at a site of policy: its workload, with its crew, for as long as it says."""

from __future__ import annotations

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UnknownNameError
from labtrust_core.hospital_lab.tables import LabTables

from labtrust_env.session import SessionConfig


def site_session(
    policy: CompiledPolicy, site: str, *, dt_s: int = 10, signed: bool = False
) -> SessionConfig:
    """Return what a session at a site runs.

    Args:
        policy: Policy that states the site.
        site: Name of a site profile.
        dt_s: Length of a step in seconds.
        signed: Whether every event is signed.

    Raises:
        UnknownNameError: Policy knows no such site.
    """
    tables: LabTables = policy.tables
    if site not in tables.site_profiles:
        raise UnknownNameError("site", site, tables.site_profiles)
    found = tables.site_profiles[site]
    return SessionConfig(
        crew=found.crew,
        workload=found.workload,
        horizon_s=found.horizon_s,
        dt_s=dt_s,
        signed=signed,
    )
