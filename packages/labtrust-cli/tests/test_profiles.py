"""A lab profile is read once, must be sound, and sets the partner and domain of every command."""

import pytest
from labtrust_cli.profiles import load_profile
from labtrust_cli.session import Session
from labtrust_core.errors import MissingExtraError, PolicyError, UnknownNameError


@pytest.fixture
def policy_dir(tmp_path):
    (tmp_path / "lab_profiles").mkdir()
    return tmp_path


def write(policy_dir, name, *lines):
    path = policy_dir / "lab_profiles" / f"{name}.v0.1.yaml"
    path.write_text("\n".join(('version: "0.1"', *lines)))


def test_unknown_profile_lists_those_that_exist(policy_dir):
    write(policy_dir, "night_shift", "profile_id: night_shift")

    with pytest.raises(UnknownNameError, match="known: night_shift"):
        load_profile("day_shift", policy_dir)


def test_profile_sets_partner_and_domain_unless_the_command_does(policy_dir):
    write(policy_dir, "north", "profile_id: north", "partner_id: hsl_like", "domain_id: depot")
    session = Session(profile=load_profile("north", policy_dir))

    assert (session.partner(None), session.domain(None)) == ("hsl_like", "depot")
    assert (session.partner("other"), session.domain("else")) == ("other", "else")


def test_without_a_profile_the_hospital_runs_under_no_overlay():
    assert (Session().partner(None), Session().domain(None)) == (None, "hospital_lab")


def test_profile_under_another_name_is_refused(policy_dir):
    write(policy_dir, "north", "profile_id: south")

    with pytest.raises(PolicyError, match="another id"):
        load_profile("north", policy_dir)


def test_unknown_key_is_refused(policy_dir):
    write(policy_dir, "north", "profile_id: north", "partner: hsl_like")

    with pytest.raises(PolicyError, match="unknown key"):
        load_profile("north", policy_dir)


def test_missing_extension_package_is_named(policy_dir):
    write(policy_dir, "north", "profile_id: north", "extension_packages: [no-such-package]")

    with pytest.raises(MissingExtraError, match="no-such-package"):
        load_profile("north", policy_dir)


def test_profile_chooses_the_metrics_aggregator(policy_dir):
    write(policy_dir, "north", "profile_id: north", "metrics_aggregator_id: queue_peaks")

    assert Session(profile=load_profile("north", policy_dir)).metrics_aggregator == "queue_peaks"
    assert Session().metrics_aggregator == "default"
