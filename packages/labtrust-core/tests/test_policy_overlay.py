"""A partner's overlay changes exactly what it names, and misfits are traced to their file."""

import json

import pytest
from labtrust_core.errors import PolicyError, UnknownNameError
from labtrust_core.policy.load import load_policy, merged, partner_ids
from labtrust_core.policy.model import TRUST_DOCUMENTS, Enforcement, Rbac

RBAC = "rbac/rbac_policy.v0.1.yaml"


@pytest.fixture
def folder(toy):
    """A policy folder, with a function that writes an overlay file."""
    directory = toy.directory()

    def overlay(partner, path, data):
        file = directory / "partners" / partner / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(data))
        return file

    directory.joinpath("partners", "empty").mkdir(parents=True)
    return directory, overlay


def test_mappings_merge_and_everything_else_replaces():
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 1}

    assert merged(base, {"a": {"y": [3]}, "c": None}) == {
        "a": {"x": 1, "y": [3]},
        "b": 1,
        "c": None,
    }
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 1}


def test_overlay_changes_what_it_names(folder):
    directory, overlay = folder
    overlay("p", RBAC, {"roles": {"R_BOSS": {"actions": ["NOOP"]}}})

    base = load_policy(directory, TRUST_DOCUMENTS)
    changed = load_policy(directory, TRUST_DOCUMENTS, "p")

    assert changed.get("rbac", Rbac).roles["R_BOSS"].actions == ["NOOP"]
    assert changed.get("rbac", Rbac).roles["R_WORKER"] == base.get("rbac", Rbac).roles["R_WORKER"]
    assert changed.get("enforcement", Enforcement) == base.get("enforcement", Enforcement)
    assert changed.fingerprint != base.fingerprint


def test_overlay_that_changes_nothing_has_the_fingerprint_of_the_base(folder):
    directory, _ = folder

    assert (
        load_policy(directory, TRUST_DOCUMENTS, "empty").fingerprint
        == load_policy(directory, TRUST_DOCUMENTS).fingerprint
    )


def test_misfit_is_traced_to_the_overlay(folder):
    directory, overlay = folder
    file = overlay("p", RBAC, {"roles": {"R_BOSS": {"actons": ["NOOP"]}}})

    with pytest.raises(PolicyError) as caught:
        load_policy(directory, TRUST_DOCUMENTS, "p")

    assert (caught.value.file, caught.value.path) == (str(file), "roles.R_BOSS.actons")


def test_overlay_of_no_policy_file_is_refused(folder):
    directory, overlay = folder
    overlay("p", "rbac/rbac_policy.v9.yaml", {})

    with pytest.raises(PolicyError, match="changes no policy file"):
        load_policy(directory, TRUST_DOCUMENTS, "p")


def test_unknown_partner_lists_those_that_exist(folder):
    directory, _ = folder

    assert partner_ids(directory) == ("empty",)
    with pytest.raises(UnknownNameError, match="known: empty"):
        load_policy(directory, TRUST_DOCUMENTS, "nobody")
