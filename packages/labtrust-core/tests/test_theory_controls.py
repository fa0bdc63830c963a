"""False alarms and detection of the control rules, against their exact probabilities."""

import pytest
from labtrust_core.hospital_lab import westgard
from labtrust_core.theory import simulate_controls as simulation
from labtrust_core.theory.check import check_case, select_cases
from labtrust_core.theory.control_formulas import FORMULAS

SEED = 7
TOGETHER = "1-3s, 2-2s within a run, R-4s"
PUBLISHED = {
    "1-2s": ("0.0889", "0.2944", "0.7500", "0.9748"),
    "1-3s": ("0.0054", "0.0450", "0.2921", "0.7500"),
    "2-2s within a run": ("0.0010", "0.0252", "0.2500", "0.7079"),
    "R-4s": ("0.00104", "0.00043", "0.00003", "0.0"),
    "4-1s": ("0.00127", "0.0625", "0.5011", "0.9121"),
    "10x": ("0.00195", "0.1777", "0.7944", "0.9866"),
}


def rows_of(name, runs):
    (case,) = select_cases([name])
    return {row.quantity: row for row in check_case(case, SEED, runs)}


@pytest.mark.parametrize("rule", PUBLISHED)
@pytest.mark.parametrize("bias", range(4))
def test_a_formula_gives_the_known_probability(rule, bias):
    known = PUBLISHED[rule][bias]
    last_digit = 10.0 ** -len(known.partition(".")[2])
    assert FORMULAS[rule](bias, 1) == pytest.approx(float(known), abs=0.51 * last_digit)


def test_scatter_doubled_is_found_by_the_rules_of_one_run():
    assert FORMULAS["1-3s"](0, 2) == pytest.approx(0.249, abs=0.000_5)
    assert FORMULAS["R-4s"](0, 2) == pytest.approx(0.0503, abs=0.000_1)
    assert FORMULAS[TOGETHER](0, 2) == pytest.approx(0.283, abs=0.000_5)


@pytest.mark.parametrize(("bias", "known"), [(0, 0.0072), (1, 0.064), (2, 0.409), (3, 0.866)])
def test_the_rules_of_one_run_together(bias, known):
    assert FORMULAS[TOGETHER](bias, 1) == pytest.approx(known, abs=0.000_6)


def test_the_rules_together_lie_between_the_largest_and_the_sum():
    for bias in (0.0, 0.7, 1.5, 3.0):
        alone = [FORMULAS[rule](bias, 1) for rule in ("1-3s", "2-2s within a run", "R-4s")]
        assert max(alone) <= FORMULAS[TOGETHER](bias, 1) <= sum(alone)
        assert FORMULAS[TOGETHER](bias, 1) <= FORMULAS["1-3s, 2-2s, R-4s"](bias, 1)


def test_false_alarms_in_control_are_as_frequent_as_theory_says():
    rows = rows_of("controls, in control", 100_000)
    assert set(rows) == set(FORMULAS)
    for row in rows.values():
        assert row.within, row


@pytest.mark.parametrize(
    "name",
    [
        "controls, bias of 1 SD",
        "controls, bias of 2 SD",
        "controls, bias of -3 SD",
        "controls, scatter doubled",
    ],
)
def test_an_error_is_detected_as_often_as_theory_says(name):
    for row in rows_of(name, 40_000).values():
        assert row.within, row


def test_reading_r_4s_as_a_range_is_found_out(monkeypatch):
    def wide(history):
        return max(history[-1]) - min(history[-1]) > 4_000

    monkeypatch.setitem(simulation._SINGLE, "R-4s", wide)
    row = rows_of("controls, in control", 40_000)["R-4s"]
    assert row.simulated == pytest.approx(0.00468, abs=4 * row.standard_error)
    assert not row.within


def test_the_rule_in_force_is_both_halves_of_2_2s():
    assert westgard.RULES["2-2s"] is westgard.rule_2_2s
