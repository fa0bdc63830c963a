"""The measures of a day: a table from name to what is compared with a published figure.

Turnarounds are in minutes and shares in per cent, unless the name of the row says otherwise. Tubes
that come in the first half hour, when the laboratory is still empty, or in the last two hours, when
it may not get to them, do not count in turnarounds; a tube that was due and is not out counts as
longer than any other. A measure of nothing is ``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import ceil, inf
from statistics import fmean, linear_regression
from typing import Final

from labtrust_bench.calibration.day import Day, Machine, Tube

Measure = Callable[[Day], float | None]
Which = Callable[[Tube], bool]

FIRST_S: Final = 1_800
LAST_S: Final = 7_200
MINUTE_S: Final = 60
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
CHEMISTRY, HAEMATOLOGY, COAGULATION = "BIOCHEM", "HAEM", "COAG"
MORNING_S: Final = (5 * HOUR_S, 10 * HOUR_S)


def everything(_tube: Tube) -> bool:
    """Choose every tube."""
    return True


def chosen(
    discipline: str | None = None, priority: str | None = None, source: str | None = None
) -> Which:
    """Return what chooses tubes; ``None`` is any."""

    def which(tube: Tube) -> bool:
        return (
            discipline in (None, tube.discipline)
            and priority in (None, tube.priority)
            and source in (None, tube.source)
        )

    return which


def percent(part: float, whole: float) -> float | None:
    """Return ``part`` of ``whole`` in per cent; ``None`` of nothing."""
    return 100 * part / whole if whole else None


def quantile(values: Iterable[float], share: float) -> float | None:
    """Return the smallest value that ``share`` (0..1) of all do not exceed.

    ``None`` of nothing, and where that value is not known to be finite.
    """
    ordered = sorted(values)
    if not ordered:
        return None
    found = ordered[max(0, ceil(share * len(ordered)) - 1)]
    return None if found == inf else found


def turnarounds(day: Day, which: Which, since: str = "arrived_s") -> list[float]:
    """Return minutes from ``since`` to release of the tubes that count; infinite if not out."""
    return [
        inf if tube.released_s is None else (tube.released_s - getattr(tube, since)) / MINUTE_S
        for tube in day.tubes
        if FIRST_S <= tube.arrived_s < day.length_s - LAST_S and not tube.rejected and which(tube)
    ]


def median_turnaround(day: Day, which: Which, since: str = "arrived_s") -> float | None:
    """Return the median of the turnarounds."""
    return quantile(turnarounds(day, which, since), 0.5)


def share_within(day: Day, which: Which, minutes: float) -> float | None:
    """Return the per cent of tubes that are out within some minutes of receipt."""
    found = turnarounds(day, which)
    return percent(sum(item <= minutes for item in found), len(found))


def gap(day: Day, priority: str) -> float | None:
    """Return the minutes by which the median of chemistry lies behind that of haematology."""
    late = median_turnaround(day, chosen(CHEMISTRY, priority))
    early = median_turnaround(day, chosen(HAEMATOLOGY, priority))
    return None if late is None or early is None else late - early


def stat_over(day: Day, minutes: float) -> float | None:
    """Return the per cent of STAT tubes that take longer, from collection."""
    found = turnarounds(day, chosen(priority="STAT"), "collected_s")
    return percent(sum(item > minutes for item in found), len(found))


def morning_round(day: Day, since: str) -> float | None:
    """Return the median turnaround of the wards' tubes that come early in the morning."""
    first, last = MORNING_S

    def which(tube: Tube) -> bool:
        hour = (day.starts_at_s + tube.arrived_s) % DAY_S
        return tube.source == "inpatient" and first <= hour < last

    return median_turnaround(day, which, since)


def requests(day: Day) -> float | None:
    """Return how many requests came."""
    return float(len({tube.request_id for tube in day.tubes}))


def _heads(day: Day) -> list[Tube]:
    """Return one tube a request."""
    return list({tube.request_id: tube for tube in day.tubes}.values())


def request_share(day: Day, which: Which) -> float | None:
    """Return the per cent of requests whose tubes are chosen."""
    heads = _heads(day)
    return percent(sum(map(which, heads)), len(heads))


def tests_per(day: Day, whole: Callable[[Day], float | None]) -> float | None:
    """Return the tests asked for, per tube or per request."""
    count = whole(day)
    return sum(tube.tests for tube in day.tubes) / count if count else None


def share(day: Day, part: Which, which: Which = everything, scale: float = 100) -> float | None:
    """Return how many in ``scale`` of the chosen tubes are ``part``."""
    found = [tube for tube in day.tubes if which(tube)]
    return scale * sum(map(part, found)) / len(found) if found else None


def rejected(tube: Tube) -> bool:
    """Choose rejected tubes."""
    return tube.rejected


def haemolysis_rejections(day: Day) -> float | None:
    """Return the rejected haemolysed tubes per 100,000 requests."""
    heads = len(_heads(day))
    found = sum(tube.rejected and tube.haemolysed for tube in day.tubes)
    return 100_000 * found / heads if heads else None


def ward_delivery(day: Day) -> float | None:
    """Return the mean minutes from collection to receipt of the wards' tubes."""
    found = [
        (tube.arrived_s - tube.collected_s) / MINUTE_S
        for tube in day.tubes
        if tube.source == "inpatient"
    ]
    return fmean(found) if found else None


def potassium_bias(day: Day) -> float | None:
    """Return the slope of potassium over free haemoglobin, in mmol/L per g/L."""
    pairs = [
        (tube.free_hb_mg_l / 1_000, tube.potassium)
        for tube in day.tubes
        if tube.potassium is not None
    ]
    if len({x for x, _y in pairs}) < 2:  # noqa: PLR2004 - a line needs two points
        return None
    return linear_regression(*zip(*pairs, strict=True)).slope


def change_95(day: Day, analyte: str) -> float | None:
    """Return the 95th percentile of the absolute change of an analyte within a patient."""
    return quantile((abs(item) for item in _changes(day, analyte)), 0.95)


def changed_by(day: Day, analyte: str, limit: float) -> float | None:
    """Return the per cent of pairs of an analyte that differ by more than ``limit``."""
    found = _changes(day, analyte)
    return percent(sum(abs(item) > limit for item in found), len(found))


def _changes(day: Day, analyte: str) -> list[float]:
    return [
        item.change for item in day.readings if item.analyte == analyte and item.change is not None
    ]


def delta_flags(day: Day) -> float | None:
    """Return the per cent of compared pairs that a delta check flags."""
    pairs = [item for item in day.readings if item.change is not None]
    return percent(sum(item.flagged for item in pairs), len(pairs))


def critical_share(day: Day, analyte: str | None = None) -> float | None:
    """Return the per cent of readings that are critical."""
    found = [item for item in day.readings if analyte in (None, item.analyte)]
    return percent(sum(item.critical for item in found), len(found))


def analysers(day: Day) -> Sequence[Machine]:
    """Return the day's analysers."""
    return [item for item in day.machines if item.kind == "analyser"]


def analyser_uptime(day: Day) -> float | None:
    """Return the per cent of time in which analysers were not broken."""
    found = analysers(day)
    return 100 - 100 * fmean(item.down_s for item in found) / day.length_s if found else None


def coagulation_rate(day: Day) -> float | None:
    """Return the coagulation analysers' tests per hour of running."""
    rates = [
        item.tests_per_h
        for item in analysers(day)
        if item.device_id.startswith("DEV_COAG") and item.tests_per_h is not None
    ]
    return fmean(rates) if rates else None


def autoverified_specimens(day: Day, discipline: str) -> float | None:
    """Return the per cent of specimens that left without a person."""
    found = day.verified.get(discipline)
    return None if found is None else percent(found.released, found.specimens)


def autoverified_results(day: Day, discipline: str) -> float | None:
    """Return the per cent of results that passed every rule."""
    found = day.verified.get(discipline)
    return None if found is None else percent(found.passed, found.tests)


def first_call(day: Day, since: str) -> float | None:
    """Return the median minutes to the first call about a critical result."""
    found = (
        (item.called_s - getattr(item, since)) / MINUTE_S
        for item in day.calls
        if item.called_s is not None
    )
    return quantile(found, 0.5)


def acknowledged_90(day: Day) -> float | None:
    """Return the 90th percentile of the minutes from a critical result to its acknowledgement."""
    settled = (item for item in day.calls if item.generated_s < day.length_s - LAST_S)
    found = (
        inf if item.acknowledged_s is None else (item.acknowledged_s - item.generated_s) / MINUTE_S
        for item in settled
    )
    return quantile(found, 0.9)


def read_back(day: Day) -> float | None:
    """Return the per cent of answered calls that were read back."""
    answered = [done for item in day.calls for done in item.read_back]
    return percent(sum(answered), len(answered))


def control_rejections(day: Day) -> float | None:
    """Return the per cent of control runs, of one analyte each, that a rule rejects."""
    return percent(day.controls_rejected, day.controls)


def _medians() -> dict[str, Measure]:
    disciplines = {
        "chemistry": CHEMISTRY,
        "haematology": HAEMATOLOGY,
        "coagulation": COAGULATION,
    }
    return {
        f"median_{priority.lower()}_{name}": partial(
            median_turnaround, which=chosen(code, priority)
        )
        for priority in ("STAT", "ROUTINE")
        for name, code in disciplines.items()
    }


MEASURES: Final[dict[str, Measure]] = {
    "requests": requests,
    "tests_per_request": partial(tests_per, whole=requests),
    "tests_per_tube": partial(tests_per, whole=lambda day: len(day.tubes)),
    "primary_care_share": partial(request_share, which=chosen(source="gp")),
    "stat_share": partial(request_share, which=chosen(priority="STAT")),
    "ward_delivery": ward_delivery,
    "rejected_all": partial(share, part=rejected),
    "rejected_chemistry": partial(share, part=rejected, which=chosen(CHEMISTRY)),
    "rejected_haematology": partial(share, part=rejected, which=chosen(HAEMATOLOGY)),
    "rejected_coagulation": partial(share, part=rejected, which=chosen(COAGULATION)),
    "rejected_insufficient": partial(share, part=lambda tube: tube.insufficient, which=rejected),
    "rejected_clotted": partial(share, part=lambda tube: tube.clotted, which=rejected),
    "rejected_haemolysed": partial(share, part=lambda tube: tube.haemolysed, which=rejected),
    "haemolysis_rejections": haemolysis_rejections,
    "spoilt": partial(share, part=lambda tube: tube.spoilt),
    "label_errors": partial(share, part=lambda tube: tube.label_error, scale=1_000),
    "identity_errors": partial(share, part=lambda tube: tube.identity_error, scale=1_000),
    "occult_mislabels": partial(share, part=lambda tube: tube.wrong_blood, scale=1_000),
    "haemolysis_mild": partial(share, part=lambda tube: tube.free_hb_mg_l >= 200),  # noqa: PLR2004 - of the figure
    "haemolysis_marked": partial(share, part=lambda tube: tube.free_hb_mg_l >= 900),  # noqa: PLR2004 - of the figure
    "potassium_bias": potassium_bias,
    "potassium_change": partial(change_95, analyte="BIOCHEM_POTASSIUM_K"),
    "sodium_change": partial(change_95, analyte="BIOCHEM_SODIUM_NA"),
    "delta_flags": delta_flags,
    "delta_mcv": partial(changed_by, analyte="HAEM_MCV", limit=3.0),
    "coagulation_rate": coagulation_rate,
    "analyser_uptime": analyser_uptime,
    "control_rejections": control_rejections,
    **_medians(),
    "gap_stat": partial(gap, priority="STAT"),
    "gap_routine": partial(gap, priority="ROUTINE"),
    "stat_over_70": partial(stat_over, minutes=70),
    "ed_hb": partial(
        median_turnaround, which=chosen(HAEMATOLOGY, source="ed"), since="collected_s"
    ),
    "ed_k": partial(median_turnaround, which=chosen(CHEMISTRY, source="ed"), since="collected_s"),
    "round_analysis": partial(morning_round, since="arrived_s"),
    "round_total": partial(morning_round, since="collected_s"),
    "all_60": partial(share_within, which=everything, minutes=60),
    "ed_60": partial(share_within, which=chosen(source="ed"), minutes=60),
    "ward_120": partial(share_within, which=chosen(source="inpatient"), minutes=120),
    "gp_24h": partial(share_within, which=chosen(source="gp"), minutes=1_440),
    "stat_k_60": partial(share_within, which=chosen(CHEMISTRY, "STAT"), minutes=60),
    "stat_fbc_60": partial(share_within, which=chosen(HAEMATOLOGY, "STAT"), minutes=60),
    "routine_6h": partial(share_within, which=chosen(priority="ROUTINE"), minutes=360),
    "coagulation_90": partial(share_within, which=chosen(COAGULATION), minutes=90),
    "autoverified_chemistry": partial(autoverified_results, discipline=CHEMISTRY),
    "autoverified_coagulation": partial(autoverified_specimens, discipline=COAGULATION),
    "critical_share": critical_share,
    "critical_potassium": partial(critical_share, analyte="BIOCHEM_POTASSIUM_K"),
    "critical_sodium": partial(critical_share, analyte="BIOCHEM_SODIUM_NA"),
    "call_median": partial(first_call, since="generated_s"),
    "call_from_collection": partial(first_call, since="collected_s"),
    "call_90": acknowledged_90,
    "read_back": read_back,
}
"""Name of a measure to its function."""
