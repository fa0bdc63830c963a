"""The invariants of trust each object when exactly they are broken, so that none is idle."""

import pytest
from labtrust_core.testing import invariants_of_trust
from labtrust_core.testing.breaking import Breakers, objectors_to_state, token

BREAKERS = Breakers()
breaks = BREAKERS.breaks


@breaks("tokens_are_filed_and_unique")
def _(now):
    now.trust.tokens["T_OTHER"] = now.trust.tokens.pop(token(now).token_id)


@breaks("tokens_live_for_a_while")
def _(now):
    token(now).expires_at_s += 1


@breaks("tokens_are_of_their_type")
def _(now):
    token(now).subject_id = ""


@breaks("tokens_are_of_their_type")
def _(now):
    token(now).reason_code = "INT_CLOTTED"


@breaks("tokens_have_their_approvals")
def _(now):
    found = token(now)
    found.approvers = found.approvers[1:]


@breaks("tokens_have_their_approvals")
def _(now):
    found = token(now)
    found.minted_by = found.approvers[0]


@breaks("roles_exist")
def _(now):
    now.trust.roster["A_QC"] = "ROLE_KING"


@breaks("duties_stay_separate")
def _(now):
    now.trust.held["A_SECURITY"].add("ROLE_SUPERVISOR")


@breaks("containment_is_of_what_exists")
def _(now):
    now.trust.containment.zones["Z_MOON"] = 5


@pytest.mark.parametrize(("breaker", "names"), BREAKERS.cases, ids=BREAKERS.ids)
def test_what_is_broken_is_objected_to_by_its_invariant_and_no_other(breaker, names):
    assert objectors_to_state(breaker) == names


def test_every_invariant_is_broken_by_something():
    assert BREAKERS.idle(invariants_of_trust.CHECKS) == set()
