"""References between the laboratory's documents.

Every zone, door, device, panel, analyte and role that is named exists.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal, InvalidOperation

from labtrust_core.engine.domain import Problem
from labtrust_core.engine.references import dangling
from labtrust_core.hospital_lab import workload_references
from labtrust_core.hospital_lab.documents.catalogue import Catalogue, Stability
from labtrust_core.hospital_lab.documents.equipment import Equipment, Failures, Reagents
from labtrust_core.hospital_lab.documents.floor import Route, Sites, ZoneLayout
from labtrust_core.hospital_lab.documents.people import Crews, CriticalLadder
from labtrust_core.hospital_lab.documents.verification import Verification
from labtrust_core.hospital_lab.quality_references import quality_problems
from labtrust_core.hospital_lab.units import DAY_S
from labtrust_core.hospital_lab.verification import RULES
from labtrust_core.policy.load import Policy
from labtrust_core.policy.model import Enforcement, Rbac, Tokens

_PAIR = 2
_MILLION = 1_000_000


def problems(policy: Policy) -> list[Problem]:
    """Return every dangling reference and contradiction of the laboratory's documents."""
    return [
        *_floor_plan(policy),
        *_sites(policy),
        *_equipment(policy),
        *_catalogue(policy),
        *_per_panel(policy),
        *_verification(policy),
        *quality_problems(policy),
        *_people(policy),
        *workload_references.problems(policy),
        *_trust(policy),
    ]


def _floor_plan(policy: Policy) -> Iterator[Problem]:
    layout = policy.get("zones", ZoneLayout)
    bands = policy.get("stability", Stability).bands
    roles = policy.get("rbac", Rbac).roles
    tokens = policy.get("tokens", Tokens).types
    zones = layout.zones
    yield from dangling(
        "zones",
        "temperature band",
        ((("zones", z, "temp_band"), zones[z].temp_band) for z in zones),
        bands,
    )
    for name, zone in zones.items():
        listed = ((("zones", name, "roles", i), role) for i, role in enumerate(zone.roles or ()))
        yield from dangling("zones", "role", listed, roles)
        if zone.token_type is not None:
            yield from dangling(
                "zones", "token type", [(("zones", name, "token_type"), zone.token_type)], tokens
            )
    for kind, places in (("edges", layout.edges), ("doors", layout.doors)):
        for name, item in places.items():
            ends = ((kind, name, "between", i) for i in range(len(item.between)))
            yield from dangling("zones", "zone", zip(ends, item.between, strict=True), zones)
            if len(set(item.between)) != _PAIR:
                yield Problem(
                    "zones",
                    (kind, name, "between"),
                    "not a pair",
                    str(item.between),
                    "two different zones",
                )
    for name, edge in layout.edges.items():
        if edge.door is not None:
            yield from dangling(
                "zones", "door", [(("edges", name, "door"), edge.door)], layout.doors
            )
    for name, door in layout.doors.items():
        listed = ((("doors", name, "roles", i), role) for i, role in enumerate(door.roles or ()))
        yield from dangling("zones", "role", listed, roles)
        if door.token_type is not None:
            yield from dangling(
                "zones", "token type", [(("doors", name, "token_type"), door.token_type)], tokens
            )


def _sites(policy: Policy) -> Iterator[Problem]:
    zones = policy.get("zones", ZoneLayout).zones
    bands = policy.get("stability", Stability).bands
    document = policy.get("sites", Sites)
    for name, site in document.sites.items():
        listed = ((("sites", name, "zones", i), zone) for i, zone in enumerate(site.zones))
        yield from dangling("sites", "zone", listed, zones)
        yield from dangling(
            "sites", "zone", [(("sites", name, "arrival_zone"), site.arrival_zone)], site.zones
        )
    for name, route in document.routes.items():
        for field in ("origin_site", "dest_site"):
            yield from dangling(
                "sites", "site", [(("routes", name, field), getattr(route, field))], document.sites
            )
        for field in ("origin_zone", "dest_zone"):
            yield from dangling(
                "sites", "zone", [(("routes", name, field), getattr(route, field))], zones
            )
        yield from dangling(
            "sites", "temperature band", [(("routes", name, "temp_band"), route.temp_band)], bands
        )
        yield from _route_numbers(name, route)


def _route_numbers(name: str, route: Route) -> Iterator[Problem]:
    """Chances, time constants and a timetable that can be."""
    climate, plan = route.climate, route.departures
    for field, ppm in (
        ("delay_ppm", route.delay_ppm),
        ("seal_break_ppm", route.seal_break_ppm),
        ("climate", climate.failure_ppm),
    ):
        yield from _chance("sites", ("routes", name, field), ppm)
    if min(climate.box_s, climate.failed_box_s) < 1:
        yield Problem("sites", ("routes", name, "climate"), "a time constant below 1 s", "", ">= 1")
    if plan is not None and not (0 <= plan.first_s <= plan.last_s < DAY_S and plan.headway_s > 0):
        yield Problem(
            "sites",
            ("routes", name, "departures"),
            "no timetable",
            f"{plan.first_s} to {plan.last_s} every {plan.headway_s} s",
            "first_s <= last_s within a day, headway_s above 0",
        )


def _chance(document: str, path: tuple[str | int, ...], ppm: int) -> Iterator[Problem]:
    if not 0 <= ppm <= _MILLION:
        yield Problem(document, path, "no chance", str(ppm), "0 to 1000000 parts per million")


def _equipment(policy: Policy) -> Iterator[Problem]:
    zones = policy.get("zones", ZoneLayout).zones
    panels = policy.get("catalogue", Catalogue).panels
    document = policy.get("equipment", Equipment)
    for name, kind in document.device_types.items():
        listed = (
            (("device_types", name, "panels", i), panel) for i, panel in enumerate(kind.panels)
        )
        yield from dangling("equipment", "panel", listed, panels)
        timed = ((("device_types", name, "latency_s", panel), panel) for panel in kind.latency_s)
        yield from dangling("equipment", "panel", timed, panels)
        if (kind.run_s > 0) is (kind.rate is not None):
            yield Problem(
                "equipment",
                ("device_types", name),
                "a device type has a run_s or a rate",
                "both" if kind.rate is not None else "neither",
                "one of the two",
            )
    for name, device in document.devices.items():
        yield from dangling(
            "equipment",
            "device type",
            [(("devices", name, "type"), device.type)],
            document.device_types,
        )
        yield from dangling("equipment", "zone", [(("devices", name, "zone"), device.zone)], zones)
    failures = policy.get("failures", Failures)
    yield from dangling(
        "failures",
        "device",
        ((("models", name), name) for name in failures.models),
        document.devices,
    )
    windows = (
        (("maintenance", name, "device"), item.device)
        for name, item in failures.maintenance.items()
    )
    yield from dangling("failures", "device", windows, document.devices)
    for name, item in failures.maintenance.items():
        if not 0 <= item.start_s < item.end_s <= DAY_S:
            yield Problem(
                "failures",
                ("maintenance", name),
                "not a part of one day",
                f"{item.start_s} to {item.end_s}",
                f"0 <= start_s < end_s <= {DAY_S}",
            )


def _catalogue(policy: Policy) -> Iterator[Problem]:
    document = policy.get("catalogue", Catalogue)
    for name, panel in document.panels.items():
        listed = ((("panels", name, "analytes", i), code) for i, code in enumerate(panel.analytes))
        yield from dangling("catalogue", "analyte", listed, document.analytes)
    for code, analyte in document.analytes.items():
        for field, text in (
            ("unit", analyte.unit),
            ("ucum", analyte.ucum),
            ("loinc", analyte.loinc),
        ):
            if not text:
                yield Problem(
                    "catalogue",
                    ("analytes", code, field),
                    f"analyte without {field}",
                    "nothing",
                    "text",
                )
        critical = analyte.critical
        quantities: dict[tuple[str, ...], str | None] = {
            ("reference_low",): analyte.reference_low,
            ("reference_high",): analyte.reference_high,
            ("values", "median"): analyte.values.median,
            ("values", "sd"): analyte.values.sd,
            ("values", "ill_median"): analyte.values.ill_median,
            ("values", "within_sd"): analyte.values.within_sd,
            ("hemolysis_bias",): analyte.hemolysis_bias,
        }
        if critical is not None:
            quantities |= {("critical", "low"): critical.low, ("critical", "high"): critical.high}
        for path, quantity in quantities.items():
            yield from _decimal("catalogue", ("analytes", code, *path), quantity)


def _decimal(document: str, path: tuple[str, ...], quantity: str | None) -> Iterator[Problem]:
    if quantity is not None and not _is_decimal(quantity):
        yield Problem(document, path, "not a decimal string", quantity, 'for example "2.5"')


def _add_ons(catalogue: Catalogue) -> Iterator[Problem]:
    """Panels that are asked for afterwards: at most one after each panel, on tubes that fit."""
    taken: dict[str, str] = {}
    for name, panel in catalogue.panels.items():
        after = () if panel.add_on is None else panel.add_on.after
        place = ("panels", name, "add_on", "after")
        listed = (((*place, number), item) for number, item in enumerate(after))
        yield from dangling("catalogue", "panel", listed, catalogue.panels)
        for number, item in enumerate(after):
            if item in taken:
                yield Problem(
                    "catalogue",
                    (*place, number),
                    "a second panel to be added on",
                    f"{taken[item]} and {name}",
                    f"one after {item}",
                )
            taken[item] = name


def _verification(policy: Policy) -> Iterator[Problem]:
    catalogue = policy.get("catalogue", Catalogue)
    document = policy.get("verification", Verification)
    yield from _add_ons(catalogue)
    listed = ((("rules", panel), panel) for panel in document.rules)
    yield from dangling("verification", "panel", listed, catalogue.panels)
    for panel, rules in document.rules.items():
        named = ((("rules", panel, number), rule) for number, rule in enumerate(rules))
        yield from dangling("verification", "rule", named, RULES)
    for name, panel_body in catalogue.panels.items():
        if panel_body.autoverify and not document.rules.get(name):
            yield Problem("verification", ("rules", name), "no rules", "nothing", "some rules")
    for code, limits in document.limits.items():
        yield from dangling(
            "verification", "analyte", [(("limits", code), code)], _analytes(policy)
        )
        yield from _decimal("verification", ("limits", code, "low"), limits.low)
        yield from _decimal("verification", ("limits", code, "high"), limits.high)
        yield from _range(code, limits.low, limits.high)
    for code, check in document.delta_checks.items():
        yield from dangling(
            "verification", "analyte", [(("delta_checks", code), code)], _analytes(policy)
        )
        yield from _decimal("verification", ("delta_checks", code, "limit"), check.limit)


def _range(code: str, low: str | None, high: str | None) -> Iterator[Problem]:
    numbers = low is not None and high is not None and _is_decimal(low) and _is_decimal(high)
    if numbers and Decimal(low or 0) > Decimal(high or 0):
        found = f"{low} to {high}"
        yield Problem("verification", ("limits", code), "an empty range", found, "low below high")


def _analytes(policy: Policy) -> Collection[str]:
    return policy.get("catalogue", Catalogue).analytes


def _is_decimal(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _per_panel(policy: Policy) -> Iterator[Problem]:
    panels = policy.get("catalogue", Catalogue).panels
    stability = policy.get("stability", Stability)
    reagents = policy.get("reagents", Reagents)
    yield from dangling(
        "stability", "panel", ((("panels", name), name) for name in stability.panels), panels
    )
    for name in panels.keys() - stability.panels.keys():
        yield Problem("stability", ("panels",), "panel without stability limits", "nothing", name)
    for name, limits in stability.panels.items():
        banded = (
            (("panels", name, "post_separation_s", band), band) for band in limits.post_separation_s
        )
        yield from dangling("stability", "temperature band", banded, stability.bands)
        listed = (
            (("panels", name, "prohibited_bands", i), band)
            for i, band in enumerate(limits.prohibited_bands)
        )
        yield from dangling("stability", "temperature band", listed, stability.bands)
    for name, band in stability.bands.items():
        if band.min_milli_c >= band.max_milli_c:
            yield Problem(
                "stability",
                ("bands", name),
                "an empty band",
                f"{band.min_milli_c} to {band.max_milli_c}",
                "min below max",
            )
    yield from dangling(
        "reagents", "panel", ((("panels", name), name) for name in reagents.panels), panels
    )
    used = ((("panels", name, "reagent"), item.reagent) for name, item in reagents.panels.items())
    yield from dangling("reagents", "reagent", used, reagents.reagents)


def _people(policy: Policy) -> Iterator[Problem]:
    zones = policy.get("zones", ZoneLayout).zones
    roles = policy.get("rbac", Rbac).roles
    document = policy.get("crews", Crews)
    placed = (
        (("default_positions", agent), zone) for agent, zone in document.default_positions.items()
    )
    yield from dangling("crews", "zone", placed, zones)
    for crew_id, crew in document.crews.items():
        for name, member in crew.members.items():
            place = ("crews", crew_id, "members", name)
            yield from dangling("crews", "role", [((*place, "role"), member.role)], roles)
            yield from dangling("crews", "zone", [((*place, "zone"), member.zone)], zones)
    yield from _ladder(policy)


def _ladder(policy: Policy) -> Iterator[Problem]:
    """Tiers that answer over every mode, and a goal for every criticality class."""
    ladder = policy.get("critical", CriticalLadder)
    if not ladder.tiers:
        yield Problem("critical", ("tiers",), "an empty ladder", "nothing", "at least one tier")
    for number, tier in enumerate(ladder.tiers):
        place = ("tiers", number)
        modes = (((*place, "modes"), mode) for mode in (*tier.modes, *ladder.downtime_modes))
        yield from dangling("critical", "mode with a reach_ppm", modes, tier.reach_ppm)
        for mode, ppm in tier.reach_ppm.items():
            yield from _chance("critical", (*place, "reach_ppm", mode), ppm)
    yield from _chance("critical", ("read_back_ppm",), ladder.read_back_ppm)
    analytes = policy.get("catalogue", Catalogue).analytes
    classes = (
        (("analytes", code, "critical"), item.critical.criticality)
        for code, item in analytes.items()
        if item.critical is not None
    )
    yield from dangling("catalogue", "criticality class with a goal", classes, ladder.goals)


def _trust(policy: Policy) -> Iterator[Problem]:
    """Zones, devices and doors that the trust documents name."""
    layout = policy.get("zones", ZoneLayout)
    devices = policy.get("equipment", Equipment).devices
    known: dict[str, Collection[str]] = {"zones": layout.zones, "devices": devices}
    for role_id, role in policy.get("rbac", Rbac).roles.items():
        for field, names in known.items():
            listed = (
                (("roles", role_id, field, i), item)
                for i, item in enumerate(getattr(role, field) or ())
            )
            yield from dangling("rbac", field.removesuffix("s"), listed, names)
    scopes: dict[str, Collection[str]] = {
        "door_id": layout.doors,
        "to_zone": layout.zones,
        "device_id": devices,
    }
    for type_id, kind in policy.get("tokens", Tokens).types.items():
        for argument, values in kind.scope.items():
            scoped = (
                (("types", type_id, "scope", argument, i), item) for i, item in enumerate(values)
            )
            if argument in scopes:
                yield from dangling(
                    "tokens", argument.removesuffix("_id"), scoped, scopes[argument]
                )
    for rule_id, rule in policy.get("enforcement", Enforcement).rules.items():
        for number, tier in enumerate(rule.tiers):
            if tier.zone_id is not None:
                place = ("rules", rule_id, "tiers", number, "zone_id")
                yield from dangling("enforcement", "zone", [(place, tier.zone_id)], layout.zones)
