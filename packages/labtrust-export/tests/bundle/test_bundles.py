"""A bundle is what the page says, appears whole or not at all, and only of what is in order."""

import json

import pytest
from labtrust_core.canonical import sha256_hex
from labtrust_core.errors import LabTrustError, PolicyError, UnknownNameError, UsageError
from labtrust_core.ledger.merkle import leaf_hash, root_of
from labtrust_core.ledger.run_log import Begin, Close, End, Plan
from labtrust_core.ledger.run_log_writer import RunLogWriter
from labtrust_core.ledger.verify import verify_log
from labtrust_core.testing.laboratory import shipped_policy
from labtrust_core.trust.checkpoints import signed_checkpoint
from labtrust_core.trust.notes import Checkpoint, parse_checkpoint, parse_note
from labtrust_core.trust.notes import signers as note_signers
from labtrust_export.bundle import ExportKeys, Wanted, build_bundle, build_run
from labtrust_export.checkpoints import EvidenceError
from labtrust_export.envelope import dsse_id, read_envelope, signers
from labtrust_export.episode import read_episode
from labtrust_export.policy_in_force import PolicyInForce
from labtrust_export.receipts import read_receipt
from labtrust_export.run_evidence import EpisodeSource, find_run
from labtrust_export.statement import BUNDLE_FOLDER, read_statement

FILES = ["checkpoint", "episode_log.jsonl", "policy.json", "receipts.jsonl"]
RUN_FILES = ["run_checkpoint", "run_log.jsonl"]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def bundle(log, tmp_path, signing):
    """The files of a bundle, by name."""
    build_bundle(EpisodeSource(log), tmp_path / "out", signing.keys)
    return contents(tmp_path / "out" / BUNDLE_FOLDER)


def test_a_bundle_holds_these_files_and_the_statement_lists_them(bundle):
    statement = read_statement(read_envelope(bundle.pop("manifest.json")).payload)

    assert sorted(bundle) == FILES
    assert statement.digests() == {name: sha256_hex(data) for name, data in bundle.items()}


def test_the_statement_states_what_the_files_hold(bundle, log):
    found = read_statement(read_envelope(bundle["manifest.json"]).payload).predicate
    report = verify_log(log)
    start = json.loads(bundle["episode_log.jsonl"].splitlines()[0])["body"]
    documents = json.loads(bundle["policy.json"])["documents"]

    assert (found.episode.records, found.episode.head, found.episode.root) == (
        report.records, report.head, report.root,
    )  # fmt: skip
    assert (found.episode.id, found.episode.seed) == ("EP", 1)
    assert (found.episode.domain, found.episode.partner) == ("hospital_lab", None)
    assert (found.episode.reason, found.episode.events) == ("completed", report.records - 2)
    assert found.policy_fingerprint == start["policy_fingerprint"]
    assert found.keys_digest == start["keys_digest"]
    assert found.fingerprints.keys() == documents.keys()
    assert (found.receipts.specimens, found.receipts.results, found.run) == (2, 0, None)


def test_the_log_is_kept_byte_for_byte_and_the_policy_has_its_fingerprint(bundle, log):
    assert bundle["episode_log.jsonl"] == log.read_bytes()
    assert sha256_hex(bundle["policy.json"].removesuffix(b"\n")) == shipped_policy().fingerprint


def test_receipts_say_what_became_of_each_specimen(bundle):
    found = [read_receipt(line) for line in bundle["receipts.jsonl"].splitlines()]

    assert [(item.entity_id, item.decision) for item in found] == [
        ("S1", "ACCEPTED"), ("S2", "PENDING"),
    ]  # fmt: skip


def test_envelope_and_checkpoint_are_signed_by_the_keys_given(bundle, signing):
    envelope = read_envelope(bundle["manifest.json"])
    note = parse_note(bundle["checkpoint"])

    assert signers(envelope, [signing.bundle.public()]) == (
        {dsse_id(signing.bundle.public())}, set(),
    )  # fmt: skip
    assert note_signers(note, [signing.log.public()]) == ({str(signing.log.public())}, set())


def test_the_checkpoint_is_of_the_whole_log(bundle, log):
    lines = log.read_bytes().splitlines()
    found = parse_checkpoint(parse_note(bundle["checkpoint"]).text)

    assert found.origin == f"labtrust/episode/{leaf_hash(lines[0]).hex()}"
    assert (found.size, found.root.hex()) == (len(lines), verify_log(log).root)


def test_the_same_log_and_keys_give_the_same_bytes(log, tmp_path, signing, bundle):
    build_bundle(EpisodeSource(log), tmp_path / "again", signing.keys)

    assert contents(tmp_path / "again" / BUNDLE_FOLDER) == bundle


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda data: data.replace(b'"seed":1', b'"seed":2'), "LOG_CHAIN_BROKEN"),
        (lambda data: data[:-1], "LOG_TORN_LINE"),
        (lambda data: b"\n".join(data.split(b"\n")[:-2]) + b"\n", "LOG_TRUNCATED"),
        (lambda _data: b"", "LOG_EMPTY"),
    ],
    ids=["changed", "torn", "cut", "empty"],
)
def test_a_log_that_does_not_verify_gets_no_bundle(log, tmp_path, signing, damage, code):
    log.write_bytes(damage(log.read_bytes()))
    with pytest.raises(EvidenceError, match=code):
        build_bundle(EpisodeSource(log), tmp_path / "out", signing.keys)

    assert not (tmp_path / "out").exists()


def test_an_unfinished_log_gets_no_bundle(written, tmp_path, signing):
    path = written(tmp_path / "open.jsonl", finish=False)
    with pytest.raises(EvidenceError, match="the end record is missing"):
        build_bundle(EpisodeSource(path), tmp_path / "out", signing.keys)


def test_a_log_of_nothing_gets_no_bundle(written, tmp_path, signing):
    path = written(tmp_path / "empty.jsonl", ())
    with pytest.raises(EvidenceError, match="no specimen and no result"):
        build_bundle(EpisodeSource(path), tmp_path / "out", signing.keys)


def test_a_bundle_that_is_there_stays_unless_forced(log, tmp_path, signing):
    out = tmp_path / "out"
    (out / BUNDLE_FOLDER).mkdir(parents=True)
    (out / BUNDLE_FOLDER / "old").touch()
    with pytest.raises(UsageError, match="exists; name another place or add --force"):
        build_bundle(EpisodeSource(log), out, signing.keys)
    assert names(out) == [BUNDLE_FOLDER, f"{BUNDLE_FOLDER}/old"]

    build_bundle(EpisodeSource(log), out, signing.keys, force=True)
    assert sorted(contents(out / BUNDLE_FOLDER)) == sorted([*FILES, "manifest.json"])
    assert [path.name for path in out.iterdir()] == [BUNDLE_FOLDER]


def test_what_else_is_there_stays(log, tmp_path, signing):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").touch()
    build_bundle(EpisodeSource(log), out, signing.keys)

    assert sorted(path.name for path in out.iterdir()) == [BUNDLE_FOLDER, "mine"]


def test_without_a_key_the_log_must_have_a_checkpoint(log, tmp_path, signing):
    keys = ExportKeys((signing.bundle,))
    with pytest.raises(UsageError, match="--log-key"):
        build_bundle(EpisodeSource(log), tmp_path / "out", keys)

    note = signed_checkpoint(read_episode(log).checkpoint, signing.log)
    log.with_suffix(".checkpoint").write_bytes(note)
    build_bundle(EpisodeSource(log), tmp_path / "out", keys)
    assert (tmp_path / "out" / BUNDLE_FOLDER / "checkpoint").read_bytes() == note


@pytest.mark.parametrize(
    "change",
    [
        lambda found: Checkpoint(found.origin, found.size - 1, found.root),
        lambda found: Checkpoint(found.origin, found.size, b"\0" * 32),
        lambda found: Checkpoint(f"{found.origin}0", found.size, found.root),
    ],
    ids=["size", "root", "origin"],
)
def test_a_checkpoint_of_another_log_is_refused_whatever_keys_there_are(
    log, tmp_path, signing, change
):
    note = signed_checkpoint(change(read_episode(log).checkpoint), signing.log)
    log.with_suffix(".checkpoint").write_bytes(note)
    with pytest.raises(EvidenceError, match="not of the log beside it"):
        build_bundle(EpisodeSource(log), tmp_path / "out", signing.keys)


def test_what_is_no_checkpoint_is_refused(log, tmp_path, signing):
    log.with_suffix(".checkpoint").write_bytes(b"nothing\n")
    with pytest.raises(EvidenceError, match="no checkpoint"):
        build_bundle(EpisodeSource(log), tmp_path / "out", signing.keys)


def test_another_policy_than_the_logs_is_refused_and_both_are_named(log, tmp_path, signing):
    with pytest.raises(UsageError, match="--policy-dir") as caught:
        policies = PolicyInForce(partner="upstream_compat")
        build_bundle(EpisodeSource(log), tmp_path / "out", signing.keys, policies)

    assert shipped_policy().fingerprint in str(caught.value)
    assert shipped_policy("upstream_compat").fingerprint in str(caught.value)


@pytest.mark.parametrize(
    ("policies", "error"),
    [
        (lambda _path: PolicyInForce(partner="nobody"), UnknownNameError),
        (lambda path: PolicyInForce(policy_dir=path), PolicyError),
    ],
    ids=["partner", "folder"],
)
def test_a_policy_that_is_not_there_is_said(log, tmp_path, signing, policies, error):
    with pytest.raises(error):
        build_bundle(EpisodeSource(log), tmp_path / "out", signing.keys, policies(tmp_path))


# --------------------------------------------------------------------------------------- of a run


@pytest.fixture
def run(tmp_path, written):
    """A run's folder with two episodes and a run log; tests damage it."""
    folder = tmp_path / "run"
    (folder / "logs").mkdir(parents=True)
    ends = []
    for number, tubes in enumerate((("S1",), ("S1", "S2"))):
        path = written(folder / f"logs/episode_{number}.jsonl", tubes)
        log = read_episode(path)
        ends.append(End(number=number, records=log.size, head=log.head, result="0" * 64))
    (folder / "logs" / "episode_1x.jsonl").write_text("not one of the run's")
    plan = Plan(
        base_seed=1,
        num_episodes=2,
        run={},
        versions={},
        agents={},
        policy_fingerprint=shipped_policy().fingerprint,
    )
    with RunLogWriter(folder / "run_log.jsonl") as writer:
        writer.write(plan)
        for end in ends:
            writer.write(Begin(number=end.number, seed=1 + end.number, episode="EP"))
            writer.write(end)
        writer.write(Close(episodes=2))
    return folder


@pytest.fixture
def one(run):
    """The same with one episode, whose seed is the run's."""
    (run / "logs" / "episode_1.jsonl").unlink()
    return run


def checkpoint_of(run, lines=None):
    leaves = [leaf_hash(line) for line in (run / "run_log.jsonl").read_bytes().splitlines()]
    part = leaves[:lines]
    return Checkpoint(f"labtrust/run/{leaves[0].hex()}", len(part), root_of(part))


def test_a_run_gives_a_bundle_an_episode_with_the_run_log_in_it(one, tmp_path, signing):
    (summary,) = build_run(find_run(one), tmp_path / "out", signing.keys)
    found = contents(tmp_path / "out" / "episode_0" / BUNDLE_FOLDER)
    predicate = read_statement(read_envelope(found["manifest.json"]).payload).predicate

    assert sorted(found) == sorted([*FILES, *RUN_FILES, "manifest.json"])
    assert found["run_log.jsonl"] == (one / "run_log.jsonl").read_bytes()
    expected = checkpoint_of(one)
    assert parse_checkpoint(parse_note(found["run_checkpoint"]).text) == expected
    assert (predicate.run.origin, predicate.run.number, predicate.run.size) == (
        expected.origin, 0, 6,
    )  # fmt: skip
    assert (summary.number, summary.path) == (0, tmp_path / "out" / "episode_0" / BUNDLE_FOLDER)


def test_a_run_without_a_run_log_gives_bundles_without_it(run, tmp_path, signing):
    (run / "run_log.jsonl").unlink()
    told = []
    wanted = Wanted(told=told.append)
    summaries = build_run(find_run(run), tmp_path / "out", signing.keys, wanted=wanted)

    assert told == summaries
    assert [item.specimens for item in summaries] == [
        {"ACCEPTED": 1},
        {"ACCEPTED": 1, "PENDING": 1},
    ]
    for number in (0, 1):
        found = contents(tmp_path / "out" / f"episode_{number}" / BUNDLE_FOLDER)
        assert sorted(found) == sorted([*FILES, "manifest.json"])


def test_an_episode_that_was_begun_otherwise_is_refused_and_nothing_is_there(
    run, tmp_path, signing
):
    with pytest.raises(EvidenceError, match=r"another episode was begun.*seed 2.*seed 1"):
        build_run(find_run(run), tmp_path / "out", signing.keys)

    assert not (tmp_path / "out").exists()


def test_an_episode_that_the_run_log_does_not_know_is_refused(one, tmp_path, signing, written):
    log = one / "logs" / "episode_0.jsonl"
    log.unlink()
    written(log, ("S1", "S2", "S3"))
    with pytest.raises(EvidenceError, match="states no end of the episode"):
        build_run(find_run(one), tmp_path / "out", signing.keys)


def test_a_damaged_run_log_is_refused(one, tmp_path, signing):
    path = one / "run_log.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"close"', b'"resume"'))
    with pytest.raises(EvidenceError, match="RUNLOG_SCHEMA at record 5"):
        build_run(find_run(one), tmp_path / "out", signing.keys)
    path.write_bytes(b"")
    with pytest.raises(EvidenceError, match="the run log is empty"):
        build_run(find_run(one), tmp_path / "out", signing.keys)


def test_the_runs_own_checkpoint_is_taken_over(one, tmp_path, signing):
    note = signed_checkpoint(checkpoint_of(one), signing.bundle)
    (one / "run_checkpoint").write_bytes(note)
    log = signed_checkpoint(read_episode(one / "logs/episode_0.jsonl").checkpoint, signing.log)
    (one / "logs" / "episode_0.checkpoint").write_bytes(log)
    for keys in (signing.keys, ExportKeys((signing.bundle,))):
        build_run(find_run(one), tmp_path / "out", keys, wanted=Wanted(force=True))
        found = contents(tmp_path / "out" / "episode_0" / BUNDLE_FOLDER)
        assert (found["run_checkpoint"], found["checkpoint"]) == (note, log)


def test_an_earlier_checkpoint_of_the_run_is_brought_up_to_date(one, tmp_path, signing):
    (one / "run_checkpoint").write_bytes(signed_checkpoint(checkpoint_of(one, 3), signing.log))
    build_run(find_run(one), tmp_path / "out", signing.keys)
    found = contents(tmp_path / "out" / "episode_0" / BUNDLE_FOLDER)

    assert parse_checkpoint(parse_note(found["run_checkpoint"]).text) == checkpoint_of(one)


def test_a_checkpoint_of_another_run_is_refused(one, tmp_path, signing):
    stated = checkpoint_of(one, 3)
    other = Checkpoint(stated.origin, stated.size, b"\1" * 32)
    (one / "run_checkpoint").write_bytes(signed_checkpoint(other, signing.log))
    with pytest.raises(EvidenceError, match="nor of its beginning"):
        build_run(find_run(one), tmp_path / "out", signing.keys)


def test_bundles_of_a_run_appear_all_or_none(run, tmp_path, signing):
    (run / "run_log.jsonl").unlink()
    second = run / "logs" / "episode_1.jsonl"
    second.write_bytes(second.read_bytes()[:-1])
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(EvidenceError, match="LOG_TORN_LINE"):
        build_run(find_run(run), out, signing.keys)

    assert names(out) == []


@pytest.mark.parametrize("name", ["nothing", "."])
def test_a_place_without_logs_is_said(tmp_path, name):
    with pytest.raises(UsageError, match=r"expected a log|holds no logs"):
        find_run(tmp_path / name)


def test_a_place_that_cannot_be_written_is_said(log, signing):
    with pytest.raises(LabTrustError, match=r"is a file|cannot write"):
        build_bundle(EpisodeSource(log), log, signing.keys)
