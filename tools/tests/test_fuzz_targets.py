"""Every fuzz target holds on its seeds, on any bytes and on changed seeds."""

import pytest

pytest.importorskip("labtrust_export")

from fuzz.edits import spliced
from fuzz.run import main
from fuzz.target import FindingError, Target
from fuzz.targets import TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = 40  # where one takes long
SOME = 150
SLOW = {"bundle", "golden", "policy"}
SEEDS = {name: list(target.seeds()) for name, target in TARGETS.items()}


def examples(name):
    return settings(
        max_examples=FEW if name in SLOW else SOME,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.fixture(params=TARGETS)
def target(request):
    return TARGETS[request.param]


def test_seeds_hold(target):
    for seed in SEEDS[target.name]:
        target.attempt(seed)


def test_any_bytes_hold(target):
    @examples(target.name)
    @given(st.binary(max_size=80))
    def attempted(data):
        target.attempt(data)

    attempted()


def test_changed_seeds_hold(target):
    @examples(target.name)
    @given(st.sampled_from(SEEDS[target.name]), st.binary(min_size=4, max_size=12))
    def attempted(seed, change):
        target.attempt(spliced(seed, change))

    attempted()


def test_an_untyped_error_is_a_finding():
    broken = Target("broken", "", lambda data: data.decode() and None, list)

    with pytest.raises(UnicodeDecodeError):
        broken.attempt(b"\xff")


def test_an_input_may_not_take_long(monkeypatch):
    monkeypatch.setattr("fuzz.target.MAX_SECONDS", -1.0)

    with pytest.raises(FindingError, match="3 bytes took"):
        TARGETS["note"].attempt(b"abc")


def test_one_input_can_be_tried_again(tmp_path, capsys):
    (tmp_path / "crash").write_bytes(b"abc")

    assert main(["note", "--input", str(tmp_path / "crash")]) == 0
    assert "3 bytes, no finding" in capsys.readouterr().out
