"""How well critical results were called: what of it, how soon, and how often in vain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from labtrust_core.hospital_lab.documents.people import CriticalLadder
from labtrust_core.hospital_lab.things import CallAttempt, Result

from labtrust_bench.runs.metrics import CallCompliance, nearest_rank, permille


def call_compliance(
    results: Iterable[Result], ladder: CriticalLadder, alarms: Mapping[str, int], now_s: int
) -> CallCompliance:
    """Return the figures of an episode's calls.

    Args:
        results: All results of the episode.
        ladder: Goals, tiers and waits in force.
        alarms: Reason code to the number of alarms that gave it.
        now_s: Second at which the episode ended.
    """
    critical = [item for item in results if item.criticality != "NONE"]
    wanted = [item for item in critical if item.call_required and _is_current(item)]
    goals = [_in_time(item, ladder, now_s) for item in wanted]
    judged = [item for item in goals if item is not None]
    attempts = [attempt for item in critical for attempt in item.attempts]
    answered = [item for item in attempts if _is_answered(item, now_s)]
    over = [item for item in attempts if _is_answered(item, now_s) or _is_over(item, ladder, now_s)]
    first = [item.notified_s - item.generated_s for item in wanted if item.notified_s is not None]
    until = [
        item.acknowledged_s - item.generated_s for item in wanted if item.acknowledged_s is not None
    ]
    tiers = Counter(item.receiver_role for item in attempts if item.tier)
    return CallCompliance(
        wanted=len(wanted),
        known=sum(not item.call_required for item in critical),
        called=len(first),
        p50_first_call_s=nearest_rank(first, 50),
        p90_first_call_s=nearest_rank(first, 90),
        p50_ack_s=nearest_rank(until, 50),
        p90_ack_s=nearest_rank(until, 90),
        within_goal=sum(judged),
        within_goal_permille=permille(sum(judged), len(judged)),
        calls_per_result_milli=1_000 * len(attempts) // len(first) if first else None,
        unreached=len(over) - len(answered),
        unreached_permille=permille(len(over) - len(answered), len(over)),
        read_back_permille=permille(sum(item.read_back for item in answered), len(answered)),
        calls_by_higher_tier={tier.role: tiers[tier.role] for tier in ladder.tiers[1:]},
        deadlines_missed=alarms.get("CRIT_DEADLINE_MISSED", 0),
        ladders_exhausted=alarms.get("CRIT_ESCALATION_BREACH", 0),
    )


def _is_current(result: Result) -> bool:
    """Whether a result counts: one that was measured anew before anybody called does not."""
    return result.status != "superseded" or bool(result.attempts)


def _in_time(result: Result, ladder: CriticalLadder, now_s: int) -> bool | None:
    """Return whether a result was acknowledged within its goal; ``None`` while that is open."""
    until_s = result.generated_s + ladder.goals[result.criticality].acknowledged_s
    if result.acknowledged_s is not None:
        return result.acknowledged_s <= until_s
    return None if now_s <= until_s else False


def _is_answered(attempt: CallAttempt, now_s: int) -> bool:
    return attempt.answered_s is not None and attempt.answered_s <= now_s


def _is_over(attempt: CallAttempt, ladder: CriticalLadder, now_s: int) -> bool:
    return attempt.at_s + ladder.tiers[attempt.tier].max_ack_wait_s <= now_s
