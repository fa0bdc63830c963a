"""Good bundles of golden scenarios, and what is done to them."""

import json
import types

import pytest
from labtrust_core.canonical import sha256_hex
from labtrust_export.testing.forgery import good, honest_trust
from labtrust_export.testing.sealing import MANIFEST, relinked, resealed, sealed
from labtrust_export.trust_policy import parse_trust_policy
from labtrust_export.verify.codes import Level
from labtrust_export.verify.verifier import verify_bundle


def trusting(files):
    """Return a trust policy that trusts the policy and the agents' keys of a bundle as it is."""
    stated = json.loads(json.dumps(honest_trust()))
    if files is not None:
        policy = sha256_hex(files["policy.json"][:-1])
        start = json.loads(files["episode_log.jsonl"].split(b"\n")[0])["body"]
        stated["policies"] = sorted({*stated["policies"], policy})
        stated["agent_keys"] = sorted({*stated["agent_keys"], start["keys_digest"]})
    return parse_trust_policy(json.dumps(stated).encode())


def told(base, edit):
    """Return the files of a bundle whose records were changed by somebody who has all the keys."""
    bundle = good(base)
    records = bundle.records
    edit(records)
    return sealed(bundle.told(relinked(records, bundle.episode.agents)))


@pytest.fixture(scope="session")
def kit():
    """Give the tools of these tests."""
    return types.SimpleNamespace(
        good=good, told=told, trusting=trusting, manifest=MANIFEST, sealed=sealed, resealed=resealed
    )


@pytest.fixture
def place(tmp_path):
    """Give the function that writes a bundle's files and returns its folder."""

    def write(files, name="EvidenceBundle.v0.1"):
        folder = tmp_path / name
        folder.mkdir()
        for file, data in files.items():
            (folder / file).write_bytes(data)
        return folder

    return write


@pytest.fixture
def verdict(place):
    """Give the function that verifies a bundle's files under a trust policy that fits."""

    def verify(files, upto="L3", **more):
        trust = more.pop("trust", None) or trusting(files)
        folder = place(files, more.pop("name", "EvidenceBundle.v0.1"))
        return verify_bundle(folder, trust, upto=Level(upto), **more)

    return verify
