"""The metrics of one episode: integers and counts only, so that they are the same bytes everywhere.

Seconds are of simulated time. A share is in thousandths, rounded down. A figure that does not exist
(the median of nothing) is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import msgspec

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Permille: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1_000)]


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base: every field is required, and there are no others."""


class Turnaround(_Closed, frozen=True):
    """Time from arrival to release of the released specimens of one priority.

    Attributes:
        released: How many they are.
        on_time: How many of them took at most ``target_s``.
        target_s: What counts as on time; null where the task sets no target.
        p50_s: Median, by nearest rank.
        p95_s: 95th percentile, by nearest rank.
        mean_s: Mean, rounded to the nearest second.
    """

    released: Count
    on_time: Count
    target_s: Count | None
    p50_s: Count | None
    p95_s: Count | None
    mean_s: Count | None


class CriticalCalls(_Closed, frozen=True):
    """What became of critical results.

    Attributes:
        results: Critical results that were measured.
        calls: Calls about them (first calls and escalations).
        acknowledged: How many were acknowledged by an acknowledgement that counts.
        p50_ack_s: Median time from the result to that.
    """

    results: Count
    calls: Count
    acknowledged: Count
    p50_ack_s: Count | None


class CallCompliance(_Closed, frozen=True):
    """How well critical results were called. Times count from the result.

    Attributes:
        wanted: Critical results that needed a call.
        known: Critical results that needed none: told before, and hardly changed.
        called: How many of the wanted were called at all.
        p50_first_call_s: Median time to the first call.
        p90_first_call_s: 90th percentile of it.
        p50_ack_s: Median time to the acknowledgement that counts.
        p90_ack_s: 90th percentile of it.
        within_goal: Results acknowledged within the goal of their class.
        within_goal_permille: Their share of those acknowledged or past the goal.
        calls_per_result_milli: Calls for each result that was called, in thousandths.
        unreached: Calls that nobody answered.
        unreached_permille: Their share of the calls that were answered or are over.
        read_back_permille: Share of the answered calls that were read back.
        calls_by_higher_tier: Role of each tier but the first to the calls it got.
        deadlines_missed: Alarms because a goal had passed.
        ladders_exhausted: Alarms because the last tier's wait had passed.
    """

    wanted: Count
    known: Count
    called: Count
    p50_first_call_s: Count | None
    p90_first_call_s: Count | None
    p50_ack_s: Count | None
    p90_ack_s: Count | None
    within_goal: Count
    within_goal_permille: Permille | None
    calls_per_result_milli: Count | None
    unreached: Count
    unreached_permille: Permille | None
    read_back_permille: Permille | None
    calls_by_higher_tier: dict[str, Count]
    deadlines_missed: Count
    ladders_exhausted: Count


class AttackPhase(_Closed, frozen=True):
    """What came of one phase of an attack; success is read from the state, never from refusals.

    Attributes:
        attempted: Attempts made.
        accepted: How many of their events were accepted.
        succeeded: How many of them changed something that they aimed at.
        refused_by_reason_code: The refused ones by reason.
        first_attempt_s: When the first was made.
        detected_s: When one was first noticed: refused, found to break an invariant, or followed by
            an alarm about what it had changed.
        detection_latency_s: From the first attempt until then.
        contained_s: From when on nothing stood that the phase had changed: when the last effect
            went, or without any when it was first noticed; null while something stands.
        blast_radius: How many things stood differently because of it.
        enforcements: How often enforcement acted on one of its attempts.
    """

    attempted: Count
    accepted: Count
    succeeded: Count
    refused_by_reason_code: dict[str, Count]
    first_attempt_s: Count | None
    detected_s: Count | None
    detection_latency_s: Count | None
    contained_s: Count | None
    blast_radius: Count
    enforcements: Count


class Opposition(_Closed, frozen=True):
    """What a task's opponents did. An attack is a phase in which anything was attempted.

    Attributes:
        events: Their events.
        blocked: How many were refused.
        first_blocked_s: When the first was refused.
        response_latency_s: From then until enforcement first acted on one of them.
        enforcements: How often it did.
        phases: The attack, phase by phase.
        detection_latency_s: The longest that a phase took to be noticed; null if one never was.
        time_to_first_detected_security_violation: Seconds from the beginning of the episode.
        containment_success: Whether every attack was contained; null where none was made.
        fraction_of_attacks_contained_permille: The share that was.
        forensic_quality_score_permille: Of agent, key, reason code and whole event of each attempt,
            the share that the ledger holds. A key counts where the signature proves the sender, an
            agent where the event or that proof names the sender.
    """

    events: Count
    blocked: Count
    first_blocked_s: Count | None
    response_latency_s: Count | None
    enforcements: Count
    phases: dict[str, AttackPhase] = {}
    detection_latency_s: Count | None = None
    time_to_first_detected_security_violation: Count | None = None
    containment_success: bool | None = None
    fraction_of_attacks_contained_permille: Permille | None = None
    forensic_quality_score_permille: Permille | None = None


class Verification(_Closed, frozen=True):
    """What autoverification made of one panel.

    Attributes:
        specimens: Specimens that it looked at; a repeat counts again.
        released: How many left without a person.
        released_permille: Their share.
        tests: Results that it looked at.
        tests_passed: How many passed every rule.
        tests_passed_permille: Their share.
        failed_by_rule: Results that did not pass a rule.
    """

    specimens: Count
    released: Count
    released_permille: Permille | None
    tests: Count
    tests_passed: Count
    tests_passed_permille: Permille | None
    failed_by_rule: dict[str, Count]


class Service(_Closed, frozen=True):
    """How well those who wait were served; ``labtrust_bench.runs.service`` says what counts.

    Weights: STAT 4, URGENT 2, ROUTINE 1.

    Attributes:
        due: Specimens that were due.
        due_weight: Their weight.
        served: Due specimens that were out on time.
        served_weight: Their weight.
        weighted_on_time_permille: It as a share of the weight that was due.
        right: Served specimens of which every result that stands is right.
        right_weight: Their weight.
        weighted_right_permille: It as a share of the weight that was due.
        wrong_results_out: Wrong results that went out.
        wrong_results_standing: How many of them stood at the end.
    """

    due: Count
    due_weight: Count
    served: Count
    served_weight: Count
    weighted_on_time_permille: Permille | None
    right: Count
    right_weight: Count
    weighted_right_permille: Permille | None
    wrong_results_out: Count
    wrong_results_standing: Count


class Metrics(_Closed, frozen=True):
    """One episode in figures.

    Attributes:
        steps: Steps taken.
        arrivals: Specimens that came, at any site.
        arrivals_before_cutoff: Those that came at least an hour before the end.
        throughput: Specimens released.
        throughput_before_cutoff: Released ones of those that came before the cutoff.
        released_before_cutoff_permille: The two as a share.
        rejected: Specimens rejected.
        holds_count: Times that a specimen or result was put on hold.
        autoverified: Released specimens of which no result needed a person.
        autoverified_permille: Their share of the released.
        autoverification_by_panel: What autoverification made of each panel.
        amended: Results that were put in the place of one that was out.
        p50_turnaround_s: Median time from arrival to release.
        p95_turnaround_s: 95th percentile of it.
        on_time: Released specimens within their priority's target.
        on_time_permille: Their share of the released.
        turnaround_by_priority: The same by priority.
        critical: Critical results and calls.
        call_compliance: How well they were called; null in files written before it was measured.
        violations_by_invariant_id: Invariants that accepted events broke.
        prevented_by_invariant_id: Invariants that refused events would have broken.
        blocked_by_reason_code: Refused events by reason.
        events_by_origin: Ledger records by origin: agent, clockwork, enforcement.
        tokens_minted: Tokens minted.
        tokens_consumed: Tokens used up.
        enforcements_by_action: What enforcement did.
        device_utilisation_permille: Share of the time that each device's units were running.
        opposition: What the opponents did; null in a task without.
        reward_milli: The crew's reward, in thousandths of a point.
        service: What was due, on time and right; null in files written before it was measured.
    """

    steps: Count
    arrivals: Count
    arrivals_before_cutoff: Count
    throughput: Count
    throughput_before_cutoff: Count
    released_before_cutoff_permille: Permille | None
    rejected: Count
    holds_count: Count
    autoverified: Count
    autoverified_permille: Permille | None
    autoverification_by_panel: dict[str, Verification]
    amended: Count
    p50_turnaround_s: Count | None
    p95_turnaround_s: Count | None
    on_time: Count
    on_time_permille: Permille | None
    turnaround_by_priority: dict[str, Turnaround]
    critical: CriticalCalls
    violations_by_invariant_id: dict[str, Count]
    prevented_by_invariant_id: dict[str, Count]
    blocked_by_reason_code: dict[str, Count]
    events_by_origin: dict[str, Count]
    tokens_minted: Count
    tokens_consumed: Count
    enforcements_by_action: dict[str, Count]
    device_utilisation_permille: dict[str, Permille]
    opposition: Opposition | None
    reward_milli: int
    call_compliance: CallCompliance | None = None
    service: Service | None = None


def nearest_rank(values: Sequence[int], percent: int) -> int | None:
    """Return the smallest value that at least ``percent`` (1..100) in a hundred do not exceed."""
    return sorted(values)[-(-percent * len(values) // 100) - 1] if values else None


def permille(part: int, whole: int) -> int | None:
    """Return ``part`` of ``whole`` in thousandths, rounded down; null of nothing."""
    return 1_000 * part // whole if whole else None


def turnaround(seconds: Sequence[int], target_s: int | None) -> Turnaround:
    """Return the figures of a list of turnaround times."""
    count = len(seconds)
    return Turnaround(
        released=count,
        on_time=0 if target_s is None else sum(item <= target_s for item in seconds),
        target_s=target_s,
        p50_s=nearest_rank(seconds, 50),
        p95_s=nearest_rank(seconds, 95),
        mean_s=(2 * sum(seconds) + count) // (2 * count) if count else None,
    )
