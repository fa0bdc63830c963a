"""The model behind the bounds: optima that are known, and bounds that hold for any plan."""

import sys

import pytest
from labtrust_bench.bounds.dispatcher import Dispatcher
from labtrust_bench.bounds.facts import facts_of
from labtrust_bench.bounds.instances import Recipe, generate, get_instance
from labtrust_bench.bounds.model import OBJECTIVES, BoundModel, solver
from labtrust_bench.bounds.search import CHANGES, Dice, decision_of, first_outlines, names_of
from labtrust_bench.bounds.solve import SolveError, solve
from labtrust_bench.bounds.store import read_solved
from labtrust_core.errors import MissingExtraError
from labtrust_core.randomness import stream


@pytest.fixture
def ortools():
    return pytest.importorskip("ortools", reason="the extra labtrust-bench[or]")


def optimum(facts, objective):
    model = BoundModel(facts)
    model.minimise(objective)
    search = model.cp.CpSolver()
    search.parameters.num_workers = 2
    assert search.solve(model.model) == model.cp.OPTIMAL
    return round(search.objective_value)


def test_without_the_solver_the_error_says_what_to_install(monkeypatch):
    for name in ("ortools", "ortools.sat", "ortools.sat.python"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(MissingExtraError, match=r"pip install 'labtrust-bench\[or\]'"):
        solver()


@pytest.mark.usefixtures("ortools")
@pytest.mark.parametrize(("name", "makespan"), [("one_blood_count", 246), ("one_chemistry", 1_514)])
def test_the_model_finds_the_optimum_that_one_can_work_out_by_hand(policy, name, makespan):
    facts = facts_of(get_instance(name, policy), policy)

    assert optimum(facts, "makespan") == makespan
    assert optimum(facts, "weighted") == 4 * makespan


@pytest.mark.usefixtures("ortools")
@pytest.mark.parametrize("seed", range(8))
def test_no_plan_beats_the_model_on_drawn_instances(policy, seed):
    crew = ("standard", "night")[seed % 2]
    facts = facts_of(generate("drawn", Recipe(crew, 300 + seed, 3), policy.tables), policy)
    bounds = {objective: optimum(facts, objective) for objective in OBJECTIVES}
    dice = Dice(stream(seed, "test/model"), "plan")
    tried = 0
    for first in first_outlines(facts):
        outline = first
        for _ in range(40):
            outline = CHANGES[dice.below(len(CHANGES))](facts, outline, dice)
            shadow = Dispatcher(facts, names_of(policy), decision_of(facts, outline)).run()
            if shadow is not None:
                tried += 1
                assert all(shadow.cost(name) >= bound for name, bound in bounds.items())
    assert tried > 40


@pytest.mark.usefixtures("ortools")
@pytest.mark.parametrize("name", ["two_of_a_kind", "four"])
def test_solving_anew_gives_the_bound_that_ships(policy, name):
    item = get_instance(name, policy)
    solved, shipped = solve(item, policy, 60, rounds=5), read_solved(item, policy)

    assert solved.fingerprint == shipped.fingerprint
    assert solved.solver.startswith("ortools ")
    for objective in OBJECTIVES:
        assert solved.objectives[objective].bound == shipped.objectives[objective].bound
        assert solved.objectives[objective].status == "optimal"
        assert solved.objectives[objective].achieved >= solved.objectives[objective].bound


@pytest.mark.usefixtures("ortools")
def test_more_work_never_lowers_the_bound(policy):
    kinds = (
        ("HAEM_PANEL_CORE", "URGENT"),
        ("COAG_PANEL_CORE", "STAT"),
        ("HAEM_PANEL_CORE", "STAT"),
    )
    bounds = [
        optimum(
            facts_of(generate("x", Recipe("night", 1, n, kinds[:n]), policy.tables), policy),
            "weighted",
        )
        for n in (1, 2, 3)
    ]

    assert bounds == sorted(bounds)


@pytest.mark.usefixtures("ortools")
def test_too_little_time_is_an_error_that_says_so(policy):
    with pytest.raises(SolveError, match=r"nothing found in 1e-05 s"):
        solve(get_instance("twelve", policy), policy, 1e-5)
