"""The battery through the second verifier: the same codes at the same levels."""

import pytest

pytest.importorskip("labtrust_export")

import independent_verifier
from labtrust_export.testing.accepted import ACCEPTED
from labtrust_export.testing.battery import Verdict, classes, complaint, some, tried
from labtrust_export.testing.forgery import honest_trust
from labtrust_export.testing.tricks import written

EACH = 12  # forgeries of a class on one bundle
REPLAYED = "L3"  # what this verifier cannot do


def second(folder, forgery):
    """Return the second verifier's verdict on a forgery."""
    state = forgery.made.state
    if forgery.kind.level == "L4":
        state = {"version": "0.1", "runs": {}} if state is None else state
    said = independent_verifier.verify(folder, forgery.trust, "L2", state)
    history = forgery.kind.level == "L4" and said.level == "L2"
    return Verdict(REPLAYED if history else said.level, said.code)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in classes() if kind.level != REPLAYED],
    ids=lambda kind: kind.name,
)
def test_the_second_verifier_refuses_every_forgery_with_the_same_code(kind, tmp_path):
    found = tried(second, some(kind, EACH), tmp_path)
    wrong = [complaint(*pair) for pair in found if complaint(*pair)]

    assert not wrong


@pytest.mark.parametrize("item", ACCEPTED, ids=lambda item: item.name)
def test_the_second_verifier_accepts_what_is_accepted_on_purpose(item, tmp_path):
    made = item.make()
    folder = written(tmp_path, made.files)
    trust = made.trust or honest_trust()

    assert independent_verifier.verify(folder, trust, "L2") == ("L2", None, "")
