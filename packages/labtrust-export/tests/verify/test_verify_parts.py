"""Parts of the verifier from near: gates at their borders, files as they are read, limits."""

import types

import pytest
from labtrust_core.event import SYSTEM_AGENT, Blocked
from labtrust_export.envelope import MAX_ENVELOPE, MAX_SIGNATURES
from labtrust_export.start import StartSchemaError, read_start
from labtrust_export.verify import files, gates, history, manifest, outcomes
from labtrust_export.verify.history import HistoryError, read_history
from labtrust_export.verify.policy import StatedPolicy
from labtrust_export.verify.report import FaultError

Space = types.SimpleNamespace


def raised(check, *arguments):
    """Return the code that a gate refuses with, or None."""
    try:
        check(*arguments)
    except Blocked as blocked:
        return blocked.code
    return None


def token(state="ACTIVE", issued=10, expires=20, actions=("ADD",)):
    kind = Space(actions=frozenset(actions))
    return Space(state=state, issued_at_s=issued, expires_at_s=expires, kind=kind)


@pytest.mark.parametrize(
    ("found", "t_s", "code"),
    [
        (token(), 10, None),
        (token(), 20, None),
        (token(), 9, "INV-TOK-002"),
        (token(), 21, "INV-TOK-002"),
        (token("CONSUMED"), 15, "INV-TOK-002"),
        (token("REVOKED"), 15, "INV-TOK-006"),
        (token("REVOKED"), 99, "INV-TOK-006"),
        (token(actions=()), 15, "INV-TOK-003"),
    ],
)
def test_a_token_counts_in_its_life_for_its_actions(found, t_s, code):
    state = Space(tokens={"T1": token(issued=0, expires=99), "T2": found}, whole=True)
    event = Space(token_refs=["T1", "T2"], t_s=t_s, action_type="ADD")
    assert raised(gates._tokens, state, None, event) == code


@pytest.mark.parametrize(("whole", "code"), [(True, "INV-TOK-002"), (False, None)])
def test_a_token_that_is_not_known_counts_only_where_all_are(whole, code):
    state = Space(tokens={}, whole=whole)
    event = Space(token_refs=["T1"], t_s=0, action_type="ADD")
    assert raised(gates._tokens, state, None, event) == code


@pytest.mark.parametrize(
    ("simulated", "t_s", "code"),
    [
        (True, 5, None),
        (True, 4, "RC_TIME_NOT_MONOTONIC"),
        (True, 6, "RC_TIME_NOT_MONOTONIC"),
        (False, 3, None),
        (False, 4, None),
        (False, 2, "RC_TIME_NOT_MONOTONIC"),
    ],
)
def test_the_time_of_an_event_is_the_clocks_or_not_before_the_last(simulated, t_s, code):
    state = Space(start=Space(config=Space(simulated=simulated)), t=3)
    step = Space(record=Space(t=5))
    assert raised(gates._time, state, step, Space(t_s=t_s)) == code


@pytest.fixture
def acting(monkeypatch):
    """Give the state of a role that may do everything, and what its capability was asked."""
    asked = []
    monkeypatch.setattr(gates, "check_role", lambda _role, _event: None)
    monkeypatch.setattr(gates, "check_capability", lambda *asks: asked.append(asks))
    rules = {"ADD": Space(runtime_control=False), "KILL": Space(runtime_control=True)}
    policy = Space(workflow=Space(actions=rules))
    state = Space(
        role_of=lambda agent: Space(role_id="R") if agent != "STRANGER" else None,
        tables=Space(policy=policy, capabilities="limits"),
        usage={"A": "used"},
    )
    return Space(state=state, asked=asked)


@pytest.mark.parametrize(
    ("agent", "action", "code"),
    [
        ("A", "ADD", None),
        ("A", "KILL", "RBAC_ACTION_DENY"),
        (SYSTEM_AGENT, "KILL", None),
        ("A", "UNKNOWN", "RBAC_ACTION_DENY"),
        (SYSTEM_AGENT, "UNKNOWN", "RBAC_ACTION_DENY"),
    ],
)
def test_runtime_control_is_the_systems(acting, agent, action, code):
    event = Space(agent_id=agent, action_type=action)
    assert raised(gates._role, acting.state, None, event) == code


@pytest.mark.parametrize(
    ("agent", "action", "count"), [("A", "ADD", 1), ("A", "KILL", 0), ("STRANGER", "ADD", 0)]
)
def test_the_budget_of_a_role_is_asked_but_for_runtime_control(acting, agent, action, count):
    event = Space(agent_id=agent, action_type=action)
    gates._capability(acting.state, None, event)
    assert acting.asked == [("limits", "R", "used", event)] * count


@pytest.mark.parametrize(
    ("accepted", "early", "reason", "code", "excused"),
    [
        (True, True, None, "RULE_TOKEN", False),
        (False, True, "TOY", "RULE_TIME", True),
        (False, False, "TOY", "RULE_TOKEN", False),
        (False, False, "RBAC_DUTY_CONFLICT", "RULE_TOKEN", True),
        (False, False, "RBAC_DUTY_CONFLICT", "RULE_SIGNATURE", True),
        (False, False, "RBAC_DUTY_CONFLICT", "RULE_CAPABILITY", True),
        (False, False, "RBAC_DUTY_CONFLICT", "RULE_ROLE", False),
        (False, False, "INV-TOK-003", "RULE_TOKEN", True),
        (False, False, "INV-TOK-003", "RULE_SIGNATURE", False),
        (False, None, "TOY", "RULE_TOKEN", False),
    ],
)
def test_a_refusal_is_excused_by_what_only_the_domain_knows(accepted, early, reason, code, excused):
    rules = {} if early is None else {"ADD": Space(early_guards=("guard",) if early else ())}
    state = Space(tables=Space(policy=Space(workflow=Space(actions=rules))))
    step = Space(accepted=accepted, outcome=Space(reason=reason))
    assert bool(gates._is_excused(state, step, Space(action_type="ADD"), code)) is excused


def test_a_file_is_hashed_and_its_reading_told(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(files, "_PROGRESS_LINES", 2)
    (tmp_path / "log").write_bytes(b"a\nbb\nccc\nd\n")
    with files.opened(tmp_path, "log", lambda *what: told.append(what)) as file:
        assert list(file.lines()) == [b"a\n", b"bb\n", b"ccc\n", b"d\n"]
        assert file.digest() == files.hashlib.sha256(b"a\nbb\nccc\nd\n").hexdigest()
    assert told == [("log", 5, 11), ("log", 11, 11), ("log", 11, 11)]


@pytest.mark.parametrize(("size", "found"), [(4, True), (5, True), (6, False)])
def test_a_small_file_is_read_up_to_its_limit(tmp_path, size, found):
    (tmp_path / "note").write_bytes(b"x" * size)
    with files.opened(tmp_path, "note") as file:
        assert file.content(5) == (b"x" * size if found else None)
        assert file.digest() == files.hashlib.sha256(b"x" * size).hexdigest()


def test_a_line_beyond_the_limit_is_cut_just_past_it(tmp_path):
    (tmp_path / "log").write_bytes(b"xxxx\nxxxxxxxxx\n")
    with files.opened(tmp_path, "log") as file:
        assert next(file.lines(4)) == b"xxxx\n"
        assert next(file.lines(4)) == b"x" * 6


def test_a_link_to_a_folder_is_no_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "manifest.json").touch()
    (tmp_path / "link").symlink_to("real")
    assert files.Folder(tmp_path / "real").known == {"manifest.json"}
    for name in ("link", "real/manifest.json", "missing"):
        with pytest.raises(FaultError) as caught:
            files.Folder(tmp_path / name)
        assert caught.value.code == "BUNDLE_NOT_A_FOLDER"


def test_an_envelope_that_is_too_long_is_refused():
    with pytest.raises(FaultError) as caught:
        manifest._envelope(None)
    assert caught.value.code == "ENVELOPE_NOT_CANONICAL"


def test_a_state_that_is_too_long_is_refused_and_one_at_the_limit_is_read(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    path.write_bytes(history.History().encoded())
    monkeypatch.setattr(history, "MAX_STATE", path.stat().st_size)
    assert read_history(path) == history.History()
    monkeypatch.setattr(history, "MAX_STATE", path.stat().st_size - 1)
    with pytest.raises(HistoryError, match="too long"):
        read_history(path)


def test_a_run_that_has_not_begun_is_open():
    order = Space(closed=False, plan=None, open=set(), ended=0)
    run = Space(checker=Space(order=order, records=0))
    with pytest.raises(FaultError) as caught:
        history.check_history(run, None)
    assert caught.value.code == "HISTORY_OPEN"


@pytest.mark.parametrize(
    ("state", "presented", "good"),
    [("ACTIVE", True, True), ("ACTIVE", False, False), ("CONSUMED", True, False)],
)
def test_a_token_is_consumed_if_it_was_presented_and_active(state, presented, good):
    rules = Space(tokens={"T1": Space(state=state)}, whole=True)
    outcome = Space(tokens_consumed=["T1"], reason=None, status="ACCEPTED")
    step = Space(record=Space(seq=3), outcome=outcome, accepted=True)
    event = Space(token_refs=["T1"] if presented else [])
    if good:
        outcomes._check_consumed(rules, step, event)
        return
    with pytest.raises(FaultError) as caught:
        outcomes._check_consumed(rules, step, event)
    assert (caught.value.code, caught.value.record) == ("RULE_TOKEN", 3)


def test_the_limits_of_an_envelope_are_the_documented_ones():
    assert (MAX_ENVELOPE, MAX_SIGNATURES) == (64 * 2**20, 16)


@pytest.mark.parametrize("body", [{}, {"config": {}}, {"config": None, "roster": {}, "keys": {}}])
def test_a_start_that_states_too_little_is_refused(body):
    with pytest.raises(StartSchemaError, match="not complete"):
        read_start(Space(body=body))


@pytest.mark.parametrize(
    ("documents", "actions"),
    [
        ({}, set()),
        ({"workflow": {"actions": ["KILL"]}}, set()),
        ({"workflow": {"actions": {"KILL": 5, "STOP": {"runtime_control": True}}}}, {"STOP"}),
        ({"workflow": {"actions": {"KILL": {"runtime_control": 1}, "ADD": {}}}}, set()),
    ],
)
def test_runtime_control_is_read_from_whatever_a_policy_states(documents, actions):
    assert StatedPolicy(b"", "", documents).runtime_control == actions


@pytest.mark.parametrize(("lag", "found"), [(3, 3), (0, 0), (True, 0), ("3", 0), (None, 0)])
def test_a_lag_that_is_no_number_allows_none(lag, found):
    assert StatedPolicy(b"", "", {"keys": {"max_head_lag": lag}}).max_head_lag == found
    assert StatedPolicy(b"", "", {}).max_head_lag == 0
