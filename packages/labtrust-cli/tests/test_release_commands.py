"""The commands about releases, transparency logs and witnesses, as a user types them."""

import json
import shutil

import pytest
from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.release_keys import finished_on
from labtrust_core.errors import UsageError

pytest.importorskip("labtrust_export", reason="the commands belong to labtrust-export")

TUBE = {
    "specimen_id": "S1",
    "panel_id": "HAEM_PANEL_CORE",
    "container_type": "WHOLE_BLOOD_EDTA",
}


def write_keys(folder):
    """Keys of all kinds, and the trust policy that trusts them."""
    from labtrust_core.trust.key_files import write_key
    from labtrust_core.trust.notes import COSIGNATURE

    kinds = {"log": 1, "maker": 1, "releaser": 1, "stranger": 1, "witness": COSIGNATURE}
    return {name: write_key(folder, name, kind) for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with keys, a log, a bundle of it, and a trust policy."""
    from labtrust_core.engine.context import EpisodeConfig
    from labtrust_core.engine.engine import Engine
    from labtrust_core.testing.laboratory import shipped_policy
    from labtrust_core.trust.key_files import read_signing_key
    from labtrust_export.bundle import ExportKeys, build_run
    from labtrust_export.envelope import read_envelope
    from labtrust_export.run_evidence import find_run
    from labtrust_export.trust_policy import TrustPolicy, Witnesses

    place = tmp_path_factory.mktemp("commands")
    keys = write_keys(place)
    lines = []
    engine = Engine(shipped_policy())
    config = EpisodeConfig("EP", 7, simulated=False, signatures_required=False)
    engine.reset({"specimens": [TUBE]}, config, sink=lines.append)
    engine.finish()
    (place / "log.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    signers = ExportKeys(
        (read_signing_key(place / "maker.key"),), read_signing_key(place / "log.key")
    )
    (bundle,) = build_run(find_run(place / "log.jsonl"), place / "release", signers)
    payload = read_envelope((bundle.path / "manifest.json").read_bytes()).payload
    trust = TrustPolicy(
        log_keys=(keys["log"],),
        witnesses=Witnesses((keys["witness"],), 0),
        bundle_keys=(keys["maker"],),
        release_keys=(keys["releaser"],),
        policies=(bundle.fingerprint,),
        agent_keys=(json.loads(payload)["predicate"]["keys_digest"],),
    )
    (place / "trust.json").write_bytes(trust.encoded())
    (place / "release" / "results.json").write_text("{}\n", encoding="utf-8")
    return place


@pytest.fixture
def here(place, tmp_path):
    """The same for one test alone."""
    return shutil.copytree(place, tmp_path / "here")


@pytest.fixture
def build(labtrust, here):
    def run(*more, key="releaser"):
        return labtrust(
            "build-release-manifest",
            "--release-dir",
            f"{here}/release",
            "--release-key",
            f"{here}/{key}.key",
            *more,
        )

    return run


@pytest.fixture
def verify(labtrust, here):
    def run(*more):
        return labtrust(
            "verify-release",
            "--release-dir",
            f"{here}/release",
            "--trust-policy",
            f"{here}/trust.json",
            *more,
        )

    return run


def test_a_release_is_built_and_verified(build, verify):
    made = build()
    assert made.code == ExitCode.DONE, made.err
    assert "1 bundles" in made.out
    found = verify("--require-level", "L3")

    assert found.code == ExitCode.DONE, found.out
    assert found.out.rstrip().endswith("verified: 1 bundles, at least at L3")


def test_the_report_is_json_when_asked(build, verify):
    assert json.loads(build("--format", "json").out)["kinds"]["results"] == 1
    found = json.loads(verify("--require-level", "L1", "--format", "json").out)

    assert found["ok"]
    assert found["failure"] is None
    assert found["reached"] == "L1"


def test_a_changed_result_ends_with_1_and_its_code(build, verify, here):
    build()
    (here / "release" / "results.json").write_text('{"a":1}\n', encoding="utf-8")
    found = verify("--quiet")

    assert found.code == ExitCode.ANSWER_IS_NO
    assert found.out.startswith("NOT verified: RELEASE_FILE_DIGEST: results.json")
    failure = json.loads(verify("--format", "json").out)["failure"]
    assert (failure["code"], failure["place"]) == ("RELEASE_FILE_DIGEST", "results.json")


def test_nothing_is_overwritten_without_force(build):
    build()

    assert build().code == ExitCode.BAD_REQUEST
    assert build("--force").code == ExitCode.DONE


def test_what_may_not_be_released_ends_with_1_and_writes_nothing(build, here):
    (here / "release" / "a b").touch()
    found = build()

    assert found.code == ExitCode.ANSWER_IS_NO
    assert "RELEASE_NAME_ILLEGAL" in found.out
    assert not (here / "release" / "RELEASE_MANIFEST.v0.1.json").exists()


def test_a_witnesss_key_does_not_sign_releases(build):
    assert build(key="witness").code == ExitCode.BAD_REQUEST


def test_the_last_level_needs_a_state_and_a_run(build, verify, here):
    build()
    assert verify("--require-level", "L4").code == ExitCode.BAD_REQUEST
    found = verify("--require-level", "L4", "--state", f"{here}/state.json")

    assert found.code == ExitCode.ANSWER_IS_NO
    assert "HISTORY_NO_RUN_LOG" in found.out
    assert not (here / "state.json").exists()


def test_the_time_comes_from_the_option_or_the_environment(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert finished_on(None) is None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    assert finished_on(None) == "2026-09-21T14:13:20Z"
    assert finished_on("2026-11-22T10:00:00Z") == "2026-11-22T10:00:00Z"


@pytest.mark.parametrize(("option", "stated"), [("yesterday", "1"), (None, "soon"), (None, "-1")])
def test_what_is_no_time_is_refused(monkeypatch, option, stated):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", stated)
    with pytest.raises(UsageError):
        finished_on(option)


# ------------------------------------------------------------------------------ transparency log


@pytest.fixture
def log(labtrust, here):
    def run(*more):
        return labtrust(
            "transparency-log",
            "--in",
            f"{here}/release",
            "--out",
            f"{here}/log",
            "--log-key",
            f"{here}/log.key",
            *more,
        )

    return run


@pytest.fixture
def verify_log(labtrust, here):
    def run(*more):
        trust = f"{here}/trust.json"
        return labtrust(
            "transparency-log", "--verify", f"{here}/log", "--trust-policy", trust, *more
        )

    return run


def test_a_log_grows_and_verifies(build, log, verify_log, here):
    first = log()
    assert first.code == ExitCode.DONE, first.err
    state = ("--state", f"{here}/state.json")
    assert verify_log(*state).code == ExitCode.DONE
    build()
    second = json.loads(log("--format", "json").out)
    found = json.loads(verify_log(*state, "--format", "json").out)

    assert [entry["kind"] for entry in second["added"]] == ["release"]
    assert (second["known"], second["size"], found["size"]) == (1, 2, 2)


def test_a_log_that_was_begun_anew_is_told_from_the_one_that_was_seen(build, log, verify_log, here):
    build()
    log("--origin", "lab.example/releases")
    assert verify_log("--state", f"{here}/state.json").code == ExitCode.DONE
    shutil.rmtree(here / "log")
    (here / "release" / "RELEASE_MANIFEST.v0.1.json").unlink()
    log("--origin", "lab.example/releases")
    found = verify_log("--state", f"{here}/state.json")

    assert found.code == ExitCode.ANSWER_IS_NO
    assert "TRANSPARENCY_ROLLBACK" in found.out


def test_nothing_to_log_is_a_bad_request(labtrust, here):
    (here / "nothing").mkdir()
    arguments = ("--in", f"{here}/nothing", "--out", f"{here}/log", "--log-key", f"{here}/log.key")

    assert labtrust("transparency-log", *arguments).code == ExitCode.BAD_REQUEST
    assert not (here / "log").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--in", "a"),
        ("--verify", "a"),
        ("--verify", "a", "--trust-policy", "b", "--in", "c"),
        ("--out", "a", "--prove-since", "1", "--log-key", "b"),
        ("--in", "a", "--out", "b", "--log-key", "c", "--trust-policy", "d"),
    ],
    ids=["nothing", "only in", "only verify", "verify in", "prove key", "append trust"],
)
def test_options_of_different_uses_are_not_mixed(labtrust, arguments):
    assert labtrust("transparency-log", *arguments).code == ExitCode.BAD_REQUEST


# --------------------------------------------------------------------------------------- witness


@pytest.fixture
def witness(labtrust, here):
    def run(*more, key="witness"):
        return labtrust(
            "witness", "--key", f"{here}/{key}.key", "--state", f"{here}/seen.json", *more
        )

    return run


def test_a_witness_follows_a_log_by_its_entries_and_by_proof(
    build, log, labtrust, verify_log, witness, here
):
    log()
    asked = ("--checkpoint", f"{here}/log/checkpoint", "--log-key-pub", f"{here}/log.pub")
    entries = ("--log", f"{here}/log/entries.jsonl")
    assert witness("--init").code == ExitCode.DONE
    assert witness(*asked, *entries, "--time", "1790000000").code == ExitCode.DONE
    build()
    log()
    proof = labtrust("transparency-log", "--out", f"{here}/log", "--prove-since", "1")
    (here / "proof").write_text(proof.out, encoding="utf-8")
    found = witness(*asked, "--proof", f"{here}/proof", "--format", "json")

    assert found.code == ExitCode.DONE, found.out
    assert json.loads(found.out) | {"origin": "", "root": ""} == {
        "ok": True,
        "origin": "",
        "size": 2,
        "root": "",
        "seen_before": 1,
        "is_new": True,
    }
    trust = json.loads((here / "trust.json").read_text("utf-8"))
    trust["witnesses"]["quorum"] = 1
    (here / "trust.json").write_text(json.dumps(trust), encoding="utf-8")
    assert verify_log().code == ExitCode.DONE


def test_a_witness_refuses_a_strangers_log(log, witness, here):
    log()
    witness("--init")
    found = witness(
        "--checkpoint",
        f"{here}/log/checkpoint",
        "--log-key-pub",
        f"{here}/stranger.pub",
        "--format",
        "json",
    )

    assert found.code == ExitCode.ANSWER_IS_NO
    assert json.loads(found.out)["failure"]["code"] == "WITNESS_UNKNOWN_LOG"


def test_a_witness_says_in_words_why_it_refuses(log, witness, here):
    log()
    witness("--init")
    trust = ("--trust-policy", f"{here}/trust.json")
    found = witness("--checkpoint", f"{here}/log/checkpoint", *trust)

    assert found.code == ExitCode.ANSWER_IS_NO
    assert found.out.startswith("REFUSED: WITNESS_NO_HISTORY")


def test_a_witness_needs_its_state_its_own_key_and_a_logs(log, witness, here):
    log()
    asked = ("--checkpoint", f"{here}/log/checkpoint")
    trust = ("--trust-policy", f"{here}/trust.json")

    assert witness(*asked, *trust).code == ExitCode.BAD_REQUEST
    assert witness("--init", key="log").code == ExitCode.BAD_REQUEST
    assert witness().code == ExitCode.BAD_REQUEST
    assert witness(*asked).code == ExitCode.BAD_REQUEST
    assert witness(*asked, "--log-key-pub", f"{here}/witness.pub").code == ExitCode.BAD_REQUEST
    assert not (here / "seen.json").exists()
