"""Compare what a step brought about with what is expected of it, and of every step."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from msgspec import UNSET

from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import ScenarioError
from labtrust_core.event import BLOCKED, StepResult
from labtrust_core.golden.format import Expectation

Ask: TypeAlias = Callable[[str], Any]

QUERY_OF_STATE: Final = {"separated_ts_set": "separated_ts"}
"""Keys of ``expect.state`` whose query has another name."""

_ASSERTION: Final = re.compile(
    r"(?P<query>.+?)\s*(?P<operator>==|!=|\bcontains\b)\s*(?P<literal>.*)\Z", re.DOTALL
)
_QUOTED: Final = re.compile(r"""'(?P<single>[^']*)'\Z|"(?P<double>[^"]*)"\Z""")


@dataclass(frozen=True, slots=True)
class Observed:
    """What a step brought about: an event's outcome, or all that happened while time passed.

    Attributes:
        status: ``ACCEPTED`` or ``BLOCKED``; ``ADVANCED`` where time passed.
        growth: Records that the ledger gained.
        results: Every result, with those that followed by themselves.
    """

    status: str
    growth: int
    results: tuple[StepResult, ...]
    reason: str | None = None
    detail: str | None = None
    emits: tuple[str, ...] = ()
    violated: frozenset[str] = frozenset()
    evaluated: frozenset[str] = frozenset()
    consumed: tuple[str, ...] = ()
    enforcements: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)


def observed_event(result: StepResult, growth: int) -> Observed:
    """Return what one event brought about."""
    return Observed(
        status=result.status,
        growth=growth,
        results=tuple(with_followers(result)),
        reason=result.blocked_reason_code,
        detail=result.detail,
        emits=result.emits,
        violated=frozenset(violation.invariant_id for violation in result.violations),
        evaluated=frozenset(result.evaluated),
        consumed=result.token_consumed,
        enforcements=tuple(item["type"] for item in result.enforcements),
        data=result.data,
    )


def observed_advance(results: Iterable[StepResult], growth: int) -> Observed:
    """Return what happened while time passed."""
    everything = tuple(item for result in results for item in with_followers(result))
    return Observed(
        status="ADVANCED",
        growth=growth,
        results=everything,
        emits=tuple(name for result in everything for name in result.emits),
        violated=frozenset(
            item.invariant_id for result in everything for item in result.violations
        ),
        evaluated=frozenset(name for result in everything for name in result.evaluated),
        enforcements=tuple(item["type"] for result in everything for item in result.enforcements),
    )


def with_followers(result: StepResult) -> Iterator[StepResult]:
    """Yield ``result`` and everything that followed from it by itself."""
    yield result
    for follower in result.system_results:
        yield from with_followers(follower)


def mismatches(expect: Expectation, seen: Observed, ask: Ask, *, exact: bool) -> list[str]:
    """Return one sentence for each expectation that does not hold.

    Args:
        expect: The expectation.
        seen: What happened.
        ask: Answers a query about the episode after the step.
        exact: Whether emits and tokens are named in full.

    Raises:
        LabTrustError: A query is malformed or unknown, or an assertion is not in the format.
    """
    return [
        *_status(expect, seen),
        *_emits(expect, seen, exact=exact),
        *_violations(expect, seen),
        *_tokens(expect, seen, exact=exact),
        *_rest(expect, seen),
        *(problem for item in expect.state_assertions if (problem := _assertion(item, ask))),
        *(problem for name, value in expect.state.items() for problem in _state(name, value, ask)),
    ]


def broken_rules(
    seen: Observed, *, reason_codes: Collection[str], emits: Collection[str]
) -> list[str]:
    """Return one sentence for each broken rule: registered names only, one record an outcome."""
    found = [
        f"emits {name}, which the vocabulary does not hold"
        for result in seen.results
        for name in result.emits
        if name not in emits
    ]
    for result in seen.results:
        codes = {result.blocked_reason_code, *(item.reason_code for item in result.violations)}
        found += [
            f"returns {code}, which is no registered reason code"
            for code in codes
            if code is not None and code not in reason_codes
        ]
    if seen.growth != len(seen.results):
        found.append(f"the ledger gained {seen.growth} records for {len(seen.results)} outcomes")
    return found


def _status(expect: Expectation, seen: Observed) -> Iterator[str]:
    if expect.status is not UNSET and seen.status != expect.status:
        because = f" ({seen.reason}: {seen.detail})" if seen.reason else ""
        yield f"status is {seen.status}{because}, expected {expect.status}"
    elif expect.blocked_reason_code is not None and seen.reason != expect.blocked_reason_code:
        yield f"blocked_reason_code is {seen.reason}, expected {expect.blocked_reason_code}"
    elif seen.status == BLOCKED and seen.reason is None:
        yield "a BLOCKED step gives no reason code"


def _emits(expect: Expectation, seen: Observed, *, exact: bool) -> Iterator[str]:
    if not isinstance(expect.emits, list):
        return
    holds = (
        list(seen.emits) == expect.emits
        if exact
        else not Counter(expect.emits) - Counter(seen.emits)
    )
    if not holds:
        yield f"emits {_listed(seen.emits)}, expected {_wanted(expect.emits, exact=exact)}"


def _tokens(expect: Expectation, seen: Observed, *, exact: bool) -> Iterator[str]:
    if not isinstance(expect.token_consumed, list):
        return
    wanted = sorted(expect.token_consumed)
    holds = sorted(seen.consumed) == wanted if exact else set(wanted) <= set(seen.consumed)
    if not holds:
        yield f"consumes tokens {_listed(seen.consumed)}, expected {_wanted(wanted, exact=exact)}"


def _violations(expect: Expectation, seen: Observed) -> Iterator[str]:
    if not isinstance(expect.violations, list):
        return
    violated = _listed(sorted(seen.violated))
    if not expect.violations and seen.violated:
        yield f"violates {violated}, expected no violation"
    for claim in expect.violations:
        name, _, verdict = claim.rpartition(":")
        if verdict == "VIOLATION" and name not in seen.violated:
            yield f"{name} is not violated, expected it to be; violated: {violated}"
        if verdict == "PASS" and (name in seen.violated or name not in seen.evaluated):
            state = "violated" if name in seen.violated else "not evaluated"
            evaluated = _listed(sorted(seen.evaluated))
            yield f"{name} is {state}, expected it to pass; evaluated: {evaluated}"


def _rest(expect: Expectation, seen: Observed) -> Iterator[str]:
    if expect.hashchain_len_delta is not UNSET and seen.growth != expect.hashchain_len_delta:
        yield f"the ledger gained {seen.growth} records, expected {expect.hashchain_len_delta}"
    if isinstance(expect.enforcements, list) and list(seen.enforcements) != expect.enforcements:
        wanted = _listed(expect.enforcements)
        yield f"enforcement is {_listed(seen.enforcements)}, expected {wanted}"
    for name, value in expect.data.items():
        if name not in seen.data or not _fits(seen.data[name], value):
            yield f"data.{name} is {_text(seen.data.get(name))}, expected {_text(value)}"
    if isinstance(expect.detail_contains, str) and expect.detail_contains not in (
        seen.detail or ""
    ):
        yield f"the detail is {seen.detail!r}, expected it to contain {expect.detail_contains!r}"


def _assertion(assertion: str, ask: Ask) -> str | None:
    match = _ASSERTION.match(assertion.strip())
    if match is None:
        raise ScenarioError(
            "not an assertion", found=assertion, expected="QUERY ==, != or contains LITERAL"
        )
    literal = _literal(match["literal"].strip())
    actual = ask(match["query"])
    holds = {
        "==": lambda: _text(actual) == literal,
        "!=": lambda: _text(actual) != literal,
        "contains": lambda: _contains(actual, literal),
    }[match["operator"]]()
    return None if holds else f"{assertion} does not hold: {match['query']} is {_text(actual)}"


def _literal(text: str) -> str:
    match = _QUOTED.match(text)
    if match is None:
        return text
    return match["single"] if match["single"] is not None else match["double"]


def _contains(actual: object, literal: str) -> bool:
    if isinstance(actual, str):
        return literal in actual
    if isinstance(actual, (list, tuple, set, frozenset, dict)):
        return any(_text(item) == literal for item in actual)
    raise ScenarioError(
        "nothing that can contain something",
        found=_text(actual),
        expected="text, a list or a mapping",
    )


def _state(name: str, expected: object, ask: Ask) -> Iterator[str]:
    query = QUERY_OF_STATE.get(name, name)
    if isinstance(expected, dict):
        pairs = [(f"{query}('{subject}')", value) for subject, value in expected.items()]
    else:
        pairs = [(query, expected)]
    for expression, value in pairs:
        actual = ask(expression)
        if not _fits(actual, value):
            yield f"state {expression} is {_text(actual)}, expected {_text(value)}"


def _fits(actual: object, expected: object) -> bool:
    """Whether an answer is as expected: lists in any order, mappings in the keys named."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key in actual and _fits(actual[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        if not isinstance(actual, (list, tuple, set, frozenset)):
            return False
        return sorted(map(_text, actual)) == sorted(map(_text, expected))
    return _text(actual) == _text(expected)


def _text(value: object) -> str:
    """Return the canonical text of an answer; text stands for itself."""
    if isinstance(value, str):
        return value
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    return canonical_bytes(value).decode()


def _listed(names: Iterable[str]) -> str:
    return "[" + ", ".join(names) + "]"


def _wanted(names: Iterable[str], *, exact: bool) -> str:
    return ("exactly " if exact else "at least ") + _listed(names)
