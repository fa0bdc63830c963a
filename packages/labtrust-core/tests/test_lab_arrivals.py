"""The generator of work does what policy says: when, how much, for whom, and what is wrong with it.

Statistics are taken over many simulated days with fixed seeds. Bands are four standard errors wide
on each side, so a right generator leaves one about once in 16,000 times; with fixed seeds it either
does or does not, for good.
"""

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from math import exp, sqrt

import pytest
from labtrust_core.domains import open_documents
from labtrust_core.hospital_lab.documents.workload import Workload
from labtrust_core.hospital_lab.units import DAY_S
from labtrust_core.testing.arriving import arrivals_by_stream, arriving

BAND = 4.0  # standard errors
DAYS = 40  # seeds, each a day
HOUR_S = 3_600


@cache
def opened():
    return open_documents()


def document():
    return opened().documents.get("workload", Workload)


def started(workload="district_day", *, seed=1, until=DAY_S, **scenario):
    return arriving(opened().compiled, workload, seed=seed, until_s=until, **scenario)


@cache
def days():
    """Return each day's arrivals by stream, and its tubes; not to be changed."""
    found = []
    for seed in range(DAYS):
        engine = started(seed=seed)
        found.append((arrivals_by_stream(engine), list(engine.ctx.world.specimens.values())))
    return found


@cache
def tubes():
    return [tube for _, specimens in days() for tube in specimens]


@cache
def requests():
    """Return the tubes of each request of each day."""
    found = defaultdict(list)
    for day, (_, specimens) in enumerate(days()):
        for tube in specimens:
            found[day, tube.request_id].append(tube)
    return list(found.values())


def times(stream):
    """Return the arrival times of a stream, day by day."""
    return [[item.event.t_s for item in by_stream[stream]] for by_stream, _ in days()]


def is_share(hits, cases, ppm):
    """Whether so many hits are likely with that chance."""
    chance = ppm / 1_000_000
    return abs(hits - cases * chance) <= BAND * sqrt(cases * chance * (1 - chance)) + 0.5


def chi_square_z(statistic, freedom):
    """Return how many standard deviations off a chi-square statistic is (Wilson and Hilferty)."""
    spread = 2 / (9 * freedom)
    return ((statistic / freedom) ** (1 / 3) - (1 - spread)) / sqrt(spread)


# Requests that come one by one

SINGLE = ["ed", "wards"]


def by_hour(stream):
    """Return how many arrivals each hour of each day brought."""
    return [Counter(t_s // HOUR_S for t_s in day) for day in times(stream)]


def expected_by_hour(stream):
    process = document().streams[document().profiles["district_day"].streams[stream]].poisson
    weights = document().shapes[process.shape]
    return [process.requests_per_day * weight / sum(weights) for weight in weights]


@pytest.mark.parametrize("stream", SINGLE)
def test_each_hour_brings_its_share(stream):
    counts = by_hour(stream)
    statistic = 0.0
    for hour, expected in enumerate(expected_by_hour(stream)):
        total = sum(day[hour] for day in counts)
        statistic += (total - DAYS * expected) ** 2 / (DAYS * expected)
    assert abs(chi_square_z(statistic, 24)) < BAND


@pytest.mark.parametrize("stream", SINGLE)
def test_counts_of_an_hour_vary_as_poisson_counts_do(stream):
    statistic = sum(
        (day[hour] - expected) ** 2 / expected
        for day in by_hour(stream)
        for hour, expected in enumerate(expected_by_hour(stream))
    )
    freedom = 24 * DAYS
    assert abs(chi_square_z(statistic, freedom)) < BAND
    assert statistic / freedom == pytest.approx(1, abs=BAND * sqrt(2 / freedom))


@pytest.mark.parametrize("stream", SINGLE)
def test_after_the_change_of_time_waits_are_exponential(stream):
    rate = opened().compiled.tables.workloads["district_day"].streams[stream].rate
    waits = sorted(
        (rate.amount(later) - rate.amount(earlier)) / rate.unit
        for day in times(stream)
        for earlier, later in pairwise([0, *day])
    )
    count = len(waits)
    distance = max(
        max((place + 1) / count - (1 - exp(-wait)), (1 - exp(-wait)) - place / count)
        for place, wait in enumerate(waits)
    )
    # Kolmogorov and Smirnov: exceeded once in 1,000 times.
    assert distance * sqrt(count) < 1.95
    assert count > 4_000


def test_the_wrong_shape_of_a_day_would_be_noticed():
    counts = by_hour("ed")
    flat = sum(len(day) for day in times("ed")) / 24
    statistic = sum((sum(day[hour] for day in counts) - flat) ** 2 / flat for hour in range(24))
    assert chi_square_z(statistic, 24) > 3 * BAND


# Batches


def batches(stream):
    return [item.data["requests"] for by_stream, _ in days() for item in by_stream[stream]]


def rounds_of(stream):
    return document().streams[document().profiles["district_day"].streams[stream]].rounds


@pytest.mark.parametrize("stream", ["vans", "rounds"])
def test_batches_have_the_mean_size_and_the_spread_that_policy_states(stream):
    process = rounds_of(stream)
    sizes = batches(stream)
    spread = sqrt(exp((process.sigma_milli / 1_000) ** 2) - 1)
    mean = sum(sizes) / len(sizes)
    error = process.mean_requests * spread / sqrt(len(sizes))
    assert abs(mean - process.mean_requests) < BAND * error
    variation = sqrt(sum((size - mean) ** 2 for size in sizes) / len(sizes)) / mean
    assert variation == pytest.approx(spread, rel=0.25)
    assert min(sizes) >= 1


@pytest.mark.parametrize("stream", ["vans", "rounds"])
def test_every_day_has_its_rounds_near_their_windows(stream):
    process = rounds_of(stream)
    slack = 5 * process.jitter_sd_s
    for day in times(stream):
        assert len(day) == sum(window.count for window in process.windows)
        assert day == sorted(day)
        assert all(
            any(item.begins_s - slack <= t_s <= item.ends_s + slack for item in process.windows)
            for t_s in day
        )


def test_vans_bring_peaks_that_single_requests_do_not():
    counts = []
    for by_stream, _ in days():
        hours = Counter()
        for item in by_stream["vans"]:
            hours[item.event.t_s // HOUR_S] += item.data["requests"]
        counts += [hours[hour] for hour in range(16, 19)]
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
    assert variance / mean > 10


# The whole day


def test_the_default_site_has_its_requests_a_day_and_its_shares():
    found = Counter(of_request[0].source for of_request in requests())
    total = sum(found.values())
    assert total / DAYS == pytest.approx(1_233, rel=0.03)
    assert found["gp"] / total == pytest.approx(0.60, abs=0.02)
    assert found["ed"] / total == pytest.approx(0.18, abs=0.02)
    assert found["inpatient"] / total == pytest.approx(0.22, abs=0.02)


def test_a_request_asks_for_the_tests_that_policy_intends():
    panels = opened().compiled.tables.panels
    tests = sum(len(panels[tube.panel_id].analytes) for tube in tubes())
    assert tests / len(requests()) == pytest.approx(7.8, abs=0.1)
    assert 1.25 < len(tubes()) / len(requests()) < 1.35


@pytest.mark.parametrize("origin", ["ed", "inpatient", "gp"])
def test_priorities_have_the_shares_of_their_origin(origin):
    found = Counter(item[0].priority for item in requests() if item[0].source == origin)
    stated = document().origins[origin]
    cases = sum(found.values())
    assert is_share(found["STAT"], cases, stated.stat_ppm)
    assert is_share(found["URGENT"], cases, stated.urgent_ppm)


def test_panels_are_combined_as_the_mix_says():
    found = Counter(tuple(tube.panel_id for tube in item) for item in requests())
    mix = document().mixes["general"].values()
    weight = sum(item.weight for item in mix)
    cases = len(requests())
    for item in mix:
        assert is_share(found[tuple(item.panels)], cases, 1_000_000 * item.weight / weight)
    assert sum(found[tuple(item.panels)] for item in mix) == cases


def test_tubes_of_a_request_belong_together():
    for item in requests():
        assert len({tube.panel_id for tube in item}) == len(item)
        assert len({(tube.patient_id, tube.priority, tube.collected_s) for tube in item}) == 1
        assert len({(tube.arrived_s, tube.request_missing, tube.place) for tube in item}) == 1


def test_age_at_arrival_is_half_fixed_and_half_exponential():
    mean = document().origins["inpatient"].collection_age_s
    ages = [
        item[0].arrived_s - item[0].collected_s
        for item in requests()
        if item[0].source == "inpatient"
    ]
    assert min(ages) > mean // 2
    assert abs(sum(ages) / len(ages) - mean) < BAND * mean / 2 / sqrt(len(ages))


def test_wards_send_the_same_people_again_and_surgeries_mostly_new_ones():
    again, cases = Counter(), Counter()
    for _, specimens in days():
        seen, known = set(), set()
        for tube in specimens:
            if tube.request_id not in seen:
                seen.add(tube.request_id)
                cases[tube.source] += 1
                again[tube.source] += tube.patient_id in known
                known.add(tube.patient_id)
    assert again["inpatient"] / cases["inpatient"] > 0.15
    assert again["gp"] / cases["gp"] < 0.01


def test_patients_of_different_origins_are_different_people():
    _, specimens = days()[0]
    people = defaultdict(set)
    for tube in specimens:
        people[tube.source].add(tube.patient_id)
    assert not people["ed"] & people["inpatient"]
    assert not people["gp"] & people["inpatient"]
    assert all(name.startswith("p-") for group in people.values() for name in group)


# What is wrong with tubes

PANELS = ["BIOCHEM_PANEL_CORE", "HAEM_PANEL_CORE", "COAG_PANEL_CORE"]


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("fault", ["leak", "clot", "hemolysis", "insufficient_volume"])
def test_tubes_have_the_faults_of_their_panel(panel, fault):
    own = [tube for tube in tubes() if tube.panel_id == panel]
    stated = getattr(document().tube_faults[panel], f"{fault}_ppm")
    assert is_share(sum(getattr(tube, fault) for tube in own), len(own), stated)


def test_only_citrate_tubes_are_underfilled_at_their_rate():
    stated = document().tube_faults["COAG_PANEL_CORE"].citrate_underfill_ppm
    citrate = [tube for tube in tubes() if tube.panel_id == "COAG_PANEL_CORE"]
    assert is_share(sum(not tube.fill_ratio_ok for tube in citrate), len(citrate), stated)
    others = {tube.fill_ratio_ok for tube in tubes() if tube.panel_id != "COAG_PANEL_CORE"}
    assert others == {None}


def test_mistakes_of_identity_have_their_rates():
    stated, count = document().mistakes, len(tubes())
    assert is_share(sum(tube.label_issue for tube in tubes()), count, stated.label_error_ppm)
    assert is_share(sum(tube.unlabelled for tube in tubes()), count, stated.unlabelled_ppm)
    assert is_share(sum(tube.wrong_blood for tube in tubes()), count, stated.wrong_blood_ppm)
    mismatches = sum(not tube.identity_ok for tube in tubes())
    assert is_share(mismatches, count, stated.id_mismatch_ppm)
    assert not any(tube.label_issue and tube.unlabelled for tube in tubes())


def test_requests_are_missing_at_their_rate():
    missing = sum(item[0].request_missing for item in requests())
    assert is_share(missing, len(requests()), document().mistakes.request_missing_ppm)


def test_free_haemoglobin_has_the_published_tail():
    count = len(tubes())
    assert is_share(sum(tube.free_hb_mg_l >= 200 for tube in tubes()), count, 140_000)
    assert is_share(sum(tube.free_hb_mg_l >= 900 for tube in tubes()), count, 30_000)


def test_gross_haemolysis_is_the_top_of_it():
    own = [tube for tube in tubes() if tube.panel_id == "BIOCHEM_PANEL_CORE"]
    gross = [tube.free_hb_mg_l for tube in own if tube.hemolysis]
    rest = [tube.free_hb_mg_l for tube in own if not tube.hemolysis]
    assert min(gross) >= max(rest)
    assert len(gross) > 50


# What an arrival says


def test_an_arrival_tells_what_came():
    by_stream, specimens = days()[0]
    known = {tube.specimen_id: tube for tube in specimens}
    van = by_stream["vans"][0]
    came = [known[name] for name in van.data["specimen_ids"]]
    assert {tube.arrived_s for tube in came} == {van.event.t_s}
    assert len({tube.request_id for tube in came}) == van.data["requests"]
    assert van.data["priorities"] == [tube.priority for tube in came]
    assert van.data["panels"] == [tube.panel_id for tube in came]
    assert van.data["patients"] == [tube.patient_id for tube in came]
    assert van.data["collected_s"] == [tube.collected_s for tube in came]
    assert van.data["source"] == "gp"


def test_every_tube_came_with_exactly_one_arrival():
    by_stream, specimens = days()[1]
    named = [
        name for group in by_stream.values() for item in group for name in item.data["specimen_ids"]
    ]
    assert sorted(named) == sorted(tube.specimen_id for tube in specimens)


def test_a_surge_brings_two_to_three_times_as_much():
    hours = Counter()
    for seed in range(10):
        for name, group in arrivals_by_stream(started("surge_day", seed=seed)).items():
            if name in {"ed", "surge"}:
                hours.update(item.event.t_s // HOUR_S for item in group)
    ordinary = expected_by_hour("ed")
    peak = [hours[hour] / 10 / ordinary[hour] for hour in (12, 13, 14)]
    assert all(2 < ratio < 3.2 for ratio in peak)
