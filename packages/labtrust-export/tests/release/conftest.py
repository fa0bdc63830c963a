"""A run of three episodes with its bundles, keys of every kind, and the release made of them.

Bundles cost a second, so one run serves all tests of a process; each test works on a copy.
"""

import json
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.ledger.merkle import leaf_hash
from labtrust_core.ledger.run_log import Begin, Close, End, Plan
from labtrust_core.ledger.run_log_writer import RunLogWriter
from labtrust_core.testing.laboratory import shipped_policy
from labtrust_core.trust.key_files import read_signing_key, write_key
from labtrust_core.trust.notes import COSIGNATURE
from labtrust_export.bundle import ExportKeys, build_run
from labtrust_export.envelope import read_envelope, signed
from labtrust_export.release.build import BuildOptions, build_release
from labtrust_export.release.verify import verify_release
from labtrust_export.run_evidence import find_run
from labtrust_export.trust_policy import TrustPolicy, Witnesses
from labtrust_export.verify.codes import Level
from labtrust_export.verify.verifier import verify_bundle

EPISODES = 3
MANIFEST = "RELEASE_MANIFEST.v0.1.json"
FILES = {
    "results/throughput/results.json": '{"throughput":0}\n',
    "summary.csv": "task,throughput\n",
    "plots/throughput.svg": "<svg/>\n",
    "BENCHMARK_CARD.md": "# Card\n",
    "metadata.json": '{"seed":7}\n',
    "fhir/fhir_bundle.json": '{"resourceType":"Bundle"}\n',
    "SECURITY/attack_results.json": '{"blocked":1}\n',
    "SECURITY/attack_results.json.sha256": sha256(b'{"blocked":1}\n').hexdigest() + "\n",
    "RISK_REGISTER_BUNDLE.v0.1.json": "{}\n",
    "SAFETY_CASE/case.md": "# Case\n",
    "MANIFEST.v0.1.json": '{"files":[]}\n',
}
TUBE = {
    "specimen_id": "S1",
    "panel_id": "HAEM_PANEL_CORE",
    "container_type": "WHOLE_BLOOD_EDTA",
}


class Keys:
    """Key files of one folder, made when they are asked for."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name, kind=1):
        """Return the private key's file."""
        if not (self.folder / f"{name}.key").exists():
            write_key(self.folder, name, kind)
        return self.folder / f"{name}.key"

    def __call__(self, name, kind=1):
        """Return the key."""
        return read_signing_key(self.path(name, kind))

    def witness(self, name="witness"):
        """Return a witness's key."""
        return self(name, COSIGNATURE)


@dataclass
class Stage:
    """What a test works with."""

    keys: Keys
    run: Path
    bundles: Path
    trust: TrustPolicy

    def trust_file(self, path):
        """Write the trust policy down."""
        path.write_bytes(self.trust.encoded())
        return path


def write_episode(path, number):
    """Play a short episode and return its number of records and head."""
    lines = []
    engine = Engine(shipped_policy())
    config = EpisodeConfig(f"EP-{number}", 7 + number, simulated=False, signatures_required=False)
    engine.reset({"specimens": [TUBE]}, config, sink=lines.append)
    for place in range(number + 1):
        engine.step(
            {
                "event_id": f"e{place}",
                "t_s": place,
                "agent_id": "A_RUNNER",
                "action_type": "NOOP",
                "args": {},
            }
        )
    engine.finish()
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return len(lines), leaf_hash(lines[-1]).hex()


def result_line(number):
    """The result of an episode, as a line of episodes.jsonl without LF."""
    return b'{"released":%d,"seed":%d}' % (number, 7 + number)


def write_run(folder, *, is_closed=True):
    """Play a run of three episodes."""
    (folder / "logs").mkdir(parents=True)
    fingerprint = shipped_policy().fingerprint
    with RunLogWriter(folder / "run_log.jsonl") as writer:
        writer.write(
            Plan(
                base_seed=7,
                num_episodes=EPISODES,
                run={"task": "test"},
                versions={"labtrust-core": "0.1.0"},
                agents={"ops_0": "scripted"},
                policy_fingerprint=fingerprint,
            )
        )
        for number in range(EPISODES):
            writer.write(Begin(number=number, seed=7 + number, episode=f"EP-{number}"))
            with (folder / "episodes.jsonl").open("ab") as file:
                file.write(result_line(number) + b"\n")
            records, head = write_episode(folder / "logs" / f"episode_{number}.jsonl", number)
            digest = sha256_hex(result_line(number))
            writer.write(End(number=number, records=records, head=head, result=digest))
        if is_closed:
            writer.write(Close(episodes=EPISODES))
    return folder


@pytest.fixture(scope="session")
def master(tmp_path_factory):
    """The run and its bundles, never changed."""
    place = tmp_path_factory.mktemp("release")
    keys = Keys(place / "keys")
    run = write_run(place / "run")
    signers = ExportKeys((keys("maker"),), keys("log"))
    summaries = build_run(find_run(run), place / "bundles", signers)
    manifest = read_envelope((summaries[0].path / "manifest.json").read_bytes())
    keys_digest = json.loads(manifest.payload)["predicate"]["keys_digest"]
    trust = TrustPolicy(
        log_keys=(keys("log").public(),),
        witnesses=Witnesses((keys.witness().public(COSIGNATURE),), 0),
        bundle_keys=(keys("maker").public(),),
        release_keys=(keys("releaser").public(),),
        policies=(summaries[0].fingerprint,),
        agent_keys=(keys_digest,),
    )
    return Stage(keys, run, place / "bundles", trust)


@pytest.fixture
def stage(master, tmp_path):
    """The run, its bundles and keys, for this test alone."""
    for name in ("run", "bundles", "keys"):
        source = {"run": master.run, "bundles": master.bundles, "keys": master.keys.folder}[name]
        shutil.copytree(source, tmp_path / name)
    return Stage(Keys(tmp_path / "keys"), tmp_path / "run", tmp_path / "bundles", master.trust)


# ---------------------------------------------------------------------------------------- releases


def at_l0(path):
    return verify_bundle(path, TrustPolicy(), upto=Level.L0)


@pytest.fixture(scope="session")
def build():
    """Build a release, whose bundles must verify at L0."""

    def run(folder, *keys, **options):
        return build_release(folder, keys, at_l0, BuildOptions(**options))

    return run


def lay_out(folder, bundles):
    """Put bundles and other files of a release into a folder."""
    shutil.copytree(bundles, folder / "receipts")
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def built(master, build, tmp_path_factory):
    """A release, never changed."""
    folder = lay_out(tmp_path_factory.mktemp("built") / "release", master.bundles)
    build(folder, master.keys("releaser"))
    return folder


@pytest.fixture
def release(built, tmp_path):
    return shutil.copytree(built, tmp_path / "release")


@pytest.fixture
def bare(master, tmp_path):
    """A folder that is no release yet."""
    return lay_out(tmp_path / "bare", master.bundles)


@pytest.fixture
def verify(master):
    """Verify a release with the caller's trust policy."""

    def run(folder, level=Level.L1, trust=master.trust):
        return verify_release(folder, trust, lambda path: verify_bundle(path, trust, upto=level))

    return run


def reseal(folder, key, edit=None, *, name=MANIFEST):
    """Change a signed statement as its signer would, with the right key."""
    path = folder / name
    envelope = read_envelope(path.read_bytes())
    statement = json.loads(envelope.payload)
    if edit is not None:
        edit(statement)
    sealed = signed(envelope.payload_type, canonical_bytes(statement), [(key.name, key.private)])
    path.write_bytes(sealed.encoded())


def reseal_all(folder, key):
    """List the files that are there, under the right key, and leave the predicate as it is."""

    def edit(statement):
        statement["subject"] = [
            {
                "digest": {"sha256": sha256((folder / path).read_bytes()).hexdigest()},
                "name": path,
            }
            for path in sorted(
                item.relative_to(folder).as_posix()
                for item in folder.rglob("*")
                if item.is_file() and item.name != MANIFEST
            )
        ]

    reseal(folder, key, edit)


@pytest.fixture(name="reseal")
def reseal_fixture():
    """Sign a changed statement."""
    return reseal


@pytest.fixture(name="reseal_all")
def reseal_all_fixture():
    """Sign a statement about files that were changed."""
    return reseal_all
