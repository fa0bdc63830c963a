"""The battery: nothing that was forged is accepted, and every refusal is the expected one.

A quick run tries some forgeries of each class; ``pytest -m slow`` on this file tries every one,
at every byte.
"""

from collections import Counter
from typing import NamedTuple

import pytest
from labtrust_export.testing.accepted import ACCEPTED
from labtrust_export.testing.battery import classes, complaint, forgeries, some, tried
from labtrust_export.testing.forgery import BASES, RUNS, ForgeryClass, good, honest_trust
from labtrust_export.testing.holes import KNOWN_HOLES
from labtrust_export.testing.signers import trust_bytes
from labtrust_export.testing.spelling import misspelled
from labtrust_export.testing.subject import own_verifier, verdict
from labtrust_export.testing.tricks import TRICKS, written
from labtrust_export.trust_policy import parse_trust_policy
from labtrust_export.verify.codes import CODES
from labtrust_export.verify.history import History, Seen

EACH = 12  # forgeries of a class on one bundle in a quick run
CLASSES = 60
QUICK = 2_000
THOROUGH = 50_000


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.name)
def test_every_forgery_is_refused_with_its_code_and_passes_below(kind, tmp_path):
    found = tried(own_verifier, some(kind, EACH), tmp_path)
    wrong = [complaint(*pair) for pair in found if complaint(*pair)]

    assert not wrong


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_nothing_is_accepted_whichever_byte_is_changed(tmp_path):
    count = 0
    for forgery, said in tried(own_verifier, forgeries(thorough=True), tmp_path):
        assert not complaint(forgery, said)
        count += 1

    assert count >= THOROUGH


class Noted(NamedTuple):
    """What the tests below ask of a forgery, without its files."""

    name: str
    kind: ForgeryClass
    base: str
    codes: frozenset[str]
    is_honest: bool


@pytest.fixture(scope="module")
def battery():
    return [
        Noted(item.name, item.kind, item.base, item.codes, _is_honest(item)) for item in forgeries()
    ]


def _is_honest(item):
    """Whether nothing was changed: neither the bundle nor what the caller brings."""
    made = item.made
    brings = made.trick is made.trust is made.state is None
    return brings and made.files == good(item.base).files


def test_the_battery_is_as_large_as_it_must_be(battery):
    found = Counter((item.kind.name, item.base) for item in battery)

    assert len(classes()) >= CLASSES
    assert sum(min(count, EACH) for count in found.values()) >= QUICK


def test_every_forgery_has_a_name_of_its_own(battery):
    names = Counter(item.name for item in battery)

    assert [name for name, count in names.items() if count > 1] == []


def test_every_class_has_a_forgery_of_each_of_its_bundles(battery):
    found = {(item.kind.name, item.base) for item in battery}

    assert found == {(kind.name, base) for kind in classes() for base in kind.bases}


def test_no_forgery_is_the_bundle_that_it_was_made_of(battery):
    honest = {item.kind.name for item in battery if item.is_honest}

    assert honest == {"run-withheld"}  # it is honest, and yet not enough


def test_every_known_hole_is_tried():
    assert {hole for kind in classes() for hole in kind.holes} == set(KNOWN_HOLES)


def test_every_code_of_a_forgery_is_one_of_the_level_at_which_it_is_refused(battery):
    for item in battery:
        levels = {str(CODES[code].level) for code in item.codes}
        assert max(levels) == item.kind.level, item.name


def test_every_code_of_the_verifier_is_reached_by_a_forgery(battery):
    assert set(CODES) - {code for item in battery for code in item.codes} == set()


@pytest.mark.parametrize("name", BASES)
def test_a_good_bundle_is_accepted(name, tmp_path):
    bundle = written(tmp_path, good(name).files)
    level = "L4" if name in RUNS else "L3"

    said = verdict(bundle, parse_trust_policy(trust_bytes(honest_trust())), level, History())

    assert said == (level, None)


@pytest.mark.parametrize("item", ACCEPTED, ids=lambda item: item.name)
def test_what_is_accepted_on_purpose_is_accepted_up_to_its_level(item, tmp_path):
    made = item.make()
    bundle = written(tmp_path, made.files)
    trust = parse_trust_policy(trust_bytes(made.trust or honest_trust()))

    assert verdict(bundle, trust, item.level, History()) == (item.level, None)
    if item.caught is not None:
        level, code = item.caught
        assert verdict(bundle, trust, level, History()).code == code


@pytest.mark.parametrize("trick", sorted(TRICKS))
def test_every_trick_with_the_file_system_is_in_the_battery(trick):
    kind = next(item for item in classes() if item.name == "folder-tricks")

    assert trick in {item.made.trick for item in kind.forgeries()}


def test_a_misspelled_line_is_never_the_line():
    line = b'{"a":"text","b":1,"c":[1,2]}'
    found = dict(misspelled(line))

    assert line not in found.values()
    assert len(found) > 30


def test_a_state_that_has_seen_the_same_run_accepts_it(tmp_path):
    bundle = written(tmp_path, good("run").files)
    trust = parse_trust_policy(trust_bytes(honest_trust()))
    history = History()

    assert verdict(bundle, trust, "L4", history).code is None
    assert all(isinstance(seen, Seen) for seen in history.runs.values())
    assert verdict(bundle, trust, "L4", history).code is None
