"""An episode as a whole: the clockwork, the ledger, queries, snapshots."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.engine.engine import Engine
from labtrust_core.errors import LedgerError, UnknownNameError, UsageError
from labtrust_core.ledger.record import read_record
from labtrust_core.ledger.verify import verify_log
from labtrust_core.ledger.writer import LogWriter

AGENDA = [(5, "SYS_DRIP", {"box_id": "B1"}), (20, "SYS_DRIP", {"box_id": "B2"})]
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(["B1", "B2", "B9"]), st.integers(-5, 60)),
        st.tuples(st.just("noop"), st.sampled_from(["A_BOSS", "A_NOBODY", "SYSTEM"]), st.none()),
        st.tuples(st.just("junk"), st.none(), st.one_of(st.none(), st.text(), st.integers())),
        st.tuples(st.just("wait"), st.none(), st.integers(0, 30)),
        st.tuples(st.just("mint"), st.sampled_from(["B1", "B2"]), st.none()),
        st.tuples(st.just("force"), st.sampled_from(["T_FORCE_B1", "T_X"]), st.none()),
    ),
    max_size=15,
)


def raw_of(toy, move, fields):
    """Return what a move sends."""
    kind, what, value = move
    if kind == "junk":
        return value
    if kind == "add":
        return toy.add(value, box_id=what, **fields)
    if kind == "noop":
        return toy.event("NOOP", what, **fields)
    if kind == "mint":
        return toy.mint("A_APP1", "A_APP2", subject_id=what, **fields)
    args = {"box_id": "B1", "amount": 1}
    return toy.event("FORCE_ADD", args=args, token_refs=[what], **fields)


def play(toy, engine, moves, prefix):
    """Carry out moves with event ids of their own; return the results."""
    results = []
    for number, move in enumerate(moves):
        if move[0] == "wait":
            results += engine.advance(engine.now + move[2])
            continue
        fields = {"event_id": f"{prefix}{number}", "t_s": engine.now}
        results.append(engine.step(raw_of(toy, move, fields)))
    return results


def test_the_clockwork_runs_in_order_at_its_own_times(toy):
    engine = toy.engine({"agenda": AGENDA}, simulated=True)
    results = engine.advance(20)
    assert [(item.event.t_s, item.emits) for item in results] == [(5, ("DRIP",)), (20, ("DRIP",))]
    assert engine.now == 20


def test_each_thing_that_happens_by_itself_is_one_record(toy):
    lines = []
    engine = toy.engine({"agenda": AGENDA}, simulated=True, sink=lines.append)
    engine.advance(30)
    records = [read_record(line) for line in lines[1:]]
    assert [(item.origin, item.t) for item in records] == [("clockwork", 5), ("clockwork", 20)]
    assert {item.event["agent_id"] for item in records} == {"SYSTEM"}


def test_what_is_due_later_waits(toy):
    engine = toy.engine({"agenda": AGENDA}, simulated=True)
    assert len(engine.advance(19)) == 1


def test_an_invariant_for_all_actions_holds_for_the_clockwork_too(toy):
    engine = toy.engine({"agenda": AGENDA}, simulated=True)
    documents = toy.documents()
    documents["invariants"]["invariants"]["INV-TOY-001"]["triggers"] = ["*"]
    engine = toy.engine(
        {"agenda": AGENDA, "boxes": {"B1": 100, "B2": 0}},
        policy=toy.policy(documents),
        simulated=True,
    )
    (drip,) = engine.advance(5)
    assert [item.invariant_id for item in drip.violations] == ["INV-TOY-001"]


def test_nothing_happens_by_itself_once_the_ledger_is_frozen(toy):
    engine = toy.engine({"agenda": AGENDA}, simulated=True, break_chain_on="X")
    engine.step(toy.event("NOOP", event_id="X"))
    assert engine.advance(30) == []


def test_the_clock_is_not_set_back(toy):
    engine = toy.engine(simulated=True)
    engine.advance(10)
    with pytest.raises(UsageError):
        engine.advance(9)


def test_explicit_time_has_no_clockwork(toy):
    with pytest.raises(UsageError):
        toy.engine().advance(1)


@given(st.lists(st.integers(0, 100), max_size=20))
def test_time_never_runs_backwards(toy, times):
    lines = []
    engine = toy.engine(sink=lines.append)
    latest = 0
    for t_s in times:
        result = engine.step(toy.event("NOOP", t_s=t_s))
        assert result.accepted == (t_s >= latest)
        latest = max(latest, t_s)
        assert engine.now == latest
    stamps = [read_record(line).t for line in lines]
    assert stamps == sorted(stamps)


@settings(deadline=None)
@given(MOVES)
def test_the_ledger_grows_by_one_record_an_event(toy, moves):
    engine = toy.engine({"agenda": AGENDA}, simulated=True)
    results = play(toy, engine, moves, "M")
    followers = sum(len(item.system_results) for item in results)
    assert engine.chain.length == 1 + len(results) + followers


@pytest.fixture(scope="module")
def strict(toy):
    """A policy that throttles."""
    return toy.enforced({"count": 1, "action": "throttle_agent", "duration_s": 9})


@settings(deadline=None)
@given(MOVES, MOVES)
def test_a_restored_episode_goes_on_identically(toy, strict, before, after):
    engine = toy.engine({"agenda": AGENDA}, policy=strict, simulated=True)
    play(toy, engine, before, "M")
    twin = Engine(strict)
    twin.restore(engine.snapshot())
    assert (twin.digest(), twin.head, twin.now) == (engine.digest(), engine.head, engine.now)
    one, other = (play(toy, item, after, "N") for item in (engine, twin))
    assert one == other
    assert (twin.digest(), twin.head, twin.now) == (engine.digest(), engine.head, engine.now)


def test_a_snapshot_can_be_restored_again_and_again(toy):
    engine = toy.engine()
    snapshot = engine.snapshot()
    heads = []
    for _ in range(2):
        engine.restore(snapshot)
        engine.step(toy.add(event_id="E", amount=3))
        heads.append((engine.head, engine.digest()))
    assert heads[0] == heads[1]


def test_an_episode_that_writes_a_log_cannot_be_in_two_states(toy):
    with pytest.raises(LedgerError):
        toy.engine(sink=[].append).snapshot()


def test_two_runs_of_one_episode_are_equal(toy):
    moves = [("add", "B1", 5), ("mint", "B1", None), ("wait", None, 10), ("junk", None, 3)]
    heads = set()
    for _ in range(2):
        engine = toy.engine({"agenda": copy.deepcopy(AGENDA)}, simulated=True)
        play(toy, engine, moves, "M")
        heads.add(engine.head)
    assert len(heads) == 1


@pytest.mark.parametrize("change", [{"seed": 6}, {"episode": "EP2"}, {"signatures_required": True}])
def test_the_start_record_covers_the_configuration(toy, change):
    assert toy.engine(**change).head != toy.engine().head


@settings(deadline=None, max_examples=30)
@given(MOVES)
def test_a_log_that_was_written_through_a_sink_is_valid(toy, tmp_path_factory, moves):
    path = tmp_path_factory.mktemp("log") / "episode.jsonl"
    with LogWriter(path, sync="none") as writer:
        engine = toy.engine({"agenda": AGENDA}, simulated=True, sink=writer.write)
        play(toy, engine, moves, "M")
        engine.finish()
    report = verify_log(path)
    assert report.ok, report.problem
    assert report.head == engine.head
    assert report.records == engine.chain.length


def test_an_agent_that_takes_an_id_of_the_system_does_not_spoil_the_log(toy, tmp_path):
    path = tmp_path / "episode.jsonl"
    with LogWriter(path, sync="none") as writer:
        engine = toy.engine({"agenda": AGENDA}, simulated=True, sink=writer.write)
        assert engine.step(toy.event("NOOP", event_id="sys-1")).accepted
        (drip,) = engine.advance(5)
        engine.finish()
    assert drip.event.event_id == "sys-2"
    assert verify_log(path).ok


def test_a_finished_episode_takes_no_more_events(toy):
    engine = toy.engine(sink=[].append)
    engine.finish()
    with pytest.raises(LedgerError):
        engine.step(toy.event("NOOP"))


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("box('B1')", 0),
        ('box("B1")', 0),
        ("box(B1)", 0),
        (" box( box_id = 'B1' ) ", 0),
        ("agent_role(A_BOSS)", "R_BOSS"),
        ("agent_role(A_NOBODY)", None),
        ("token_state(T)", None),
        ("token_active", []),
        ("agent_contained(A_BOSS)", False),
        ("zone_state(Z1)", "normal"),
        ("ledger_length", 1),
        ("system_state('log_frozen')", False),
        ("last_reason_code_system", None),
    ],
)
def test_a_query_is_answered(toy, expression, answer):
    assert toy.engine().query(expression) == answer


@pytest.mark.parametrize(
    "expression", ["", "box(", "box('B1", "Box(B1)", "box(B1))", "ledger_length(3)", "agent_role"]
)
def test_what_is_no_query_is_refused(toy, expression):
    with pytest.raises(UsageError):
        toy.engine().query(expression)


@pytest.mark.parametrize("expression", ["nothing", "system_state(other)"])
def test_an_unknown_question_names_the_known_ones(toy, expression):
    with pytest.raises(UnknownNameError) as caught:
        toy.engine().query(expression)
    assert caught.value.known


def test_a_step_result_has_the_documented_json_form(toy):
    form = toy.engine().step(toy.add()).to_dict()
    assert form.keys() == {
        "status",
        "emits",
        "violations",
        "evaluated",
        "blocked_reason_code",
        "detail",
        "role_id",
        "token_consumed",
        "enforcements",
        "data",
        "hashchain",
    }
    assert form["role_id"] == "R_WORKER"
    assert form["hashchain"]["length"] == 2
