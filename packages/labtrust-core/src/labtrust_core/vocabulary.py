"""Is every name of the vocabularies alive? Reason codes that are returned, names that are emitted.

A name that is registered and that nothing produces is prose that pretends to be policy. What a
part of the system will produce that does not exist yet stands under ``reserved``, with a note, and
can be neither returned nor emitted until it moves.
"""

from __future__ import annotations

from collections.abc import Iterator

from labtrust_core.engine.actions import ENGINE_EMITS
from labtrust_core.engine.domain import Domain, Problem
from labtrust_core.engine.references import live_reason_codes
from labtrust_core.golden.report import ASSERTION_FAILED
from labtrust_core.policy.load import Policy
from labtrust_core.policy.model import Emits, ReasonCodes


def dead_names(policy: Policy, domain: Domain) -> Iterator[Problem]:
    """Yield a problem for each registered name that nothing produces, or that is reserved too."""
    codes = policy.get("reason_codes", ReasonCodes)
    live = live_reason_codes(policy, domain) | {ASSERTION_FAILED}
    for code in codes.codes:
        if code not in live:
            yield _dead("reason_codes", ("codes", code), "nothing returns this reason code", code)
    emits = policy.get("emits", Emits)
    for category, names in emits.categories.items():
        for name in names:
            if name not in ENGINE_EMITS | domain.emitted:
                yield _dead("emits", ("categories", category), "nothing emits this name", name)
    emitted = {name for names in emits.categories.values() for name in names}
    for document, reserved, used in (
        ("reason_codes", codes.reserved, set(codes.codes)),
        ("emits", emits.reserved, emitted),
    ):
        for name in reserved.keys() & used:
            yield _dead(document, ("reserved", name), "both in use and reserved", name)


def _dead(document: str, path: tuple[str, ...], message: str, name: str) -> Problem:
    return Problem(document, path, message, name, "a name that is produced, or a reserved one")
