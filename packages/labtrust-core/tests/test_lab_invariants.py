"""The table of the laboratory's invariants: what it says, and how an episode is watched."""

import inspect

import pytest
from labtrust_core.testing.breaking import healthy_changes
from labtrust_core.testing.random_shift import Shift
from labtrust_core.testing.world_invariants import (
    CHANGE_INVARIANTS,
    STATE_INVARIANTS,
    Watch,
    objections,
    objections_to_change,
    statement,
)


def test_nobody_objects_to_what_is_healthy():
    for change in healthy_changes():
        assert objections(change.after) == {}
        assert objections_to_change(change) == {}


def test_every_invariant_says_in_a_sentence_what_holds():
    for name, check in {**STATE_INVARIANTS, **CHANGE_INVARIANTS}.items():
        assert inspect.getdoc(check).startswith(statement(name))
        assert statement(name).endswith(".")


def test_a_watch_says_which_invariants_do_not_hold_and_after_what():
    shift = Shift(1, simulated=False)
    watch = Watch(shift.engine, without=["people_walk_one_way_at_a_time"])
    shift.engine.ctx.world.agents["A_QC"].zone = "Z_COLD_FREEZER"
    watch.see()
    shift.engine.ctx.world.stock["R_HAEM_CORE"] = -1
    with pytest.raises(AssertionError) as caught:
        watch.see()
    assert "2 invariants do not hold" in str(caught.value)
    assert "stock_is_never_negative: -1 of R_HAEM_CORE are left" in str(caught.value)
    assert "stock_is_accounted_for" in str(caught.value)
