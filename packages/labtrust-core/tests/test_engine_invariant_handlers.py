"""Extensions add invariant evaluators under names of their own; they replace none."""

import msgspec
import pytest
from labtrust_core.domains import open_documents
from labtrust_core.engine.evaluators import ENGINE_EVALUATORS
from labtrust_core.engine.invariant_handlers import (
    INVARIANT_HANDLERS,
    evaluators_for,
    known_checks,
    register_invariant_handler,
)
from labtrust_core.errors import PluginConflictError, UnknownNameError
from labtrust_core.policy.model import Invariants


def always_fails(_env, _event, _params):
    return False, None, None


@pytest.fixture
def registered():
    register_invariant_handler("state", "no_such_thing_before", always_fails)
    yield "state.no_such_thing_before"
    INVARIANT_HANDLERS.unregister("state.no_such_thing_before")


@pytest.fixture(scope="module")
def opened():
    return open_documents()


def with_check(opened, check):
    base = opened.documents.get("invariants", Invariants)
    entry = next(iter(base.invariants.values()))
    logic = msgspec.structs.replace(entry.logic, type="state", check=check)
    return msgspec.structs.replace(
        base, invariants={"INV-X-001": msgspec.structs.replace(entry, logic=logic)}
    )


def test_registered_handler_is_known_and_used(opened, registered):
    found = evaluators_for(with_check(opened, "no_such_thing_before"), opened.compiled.domain)

    assert registered in known_checks(opened.compiled.domain)
    assert found == {registered: always_fails}


@pytest.mark.usefixtures("registered")
def test_name_is_taken_once():
    with pytest.raises(PluginConflictError):
        register_invariant_handler("state", "no_such_thing_before", lambda *_: None)


def test_own_evaluator_is_never_replaced(opened):
    register_invariant_handler("state", "token_active", always_fails)
    try:
        found = evaluators_for(with_check(opened, "token_active"), opened.compiled.domain)
    finally:
        INVARIANT_HANDLERS.unregister("state.token_active")

    assert found["state.token_active"] is ENGINE_EVALUATORS["state.token_active"]


def test_check_without_evaluator_is_an_error(opened):
    with pytest.raises(UnknownNameError):
        evaluators_for(with_check(opened, "nobody_offers_this"), opened.compiled.domain)
