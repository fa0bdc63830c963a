"""Ids: legal, stable, and two for two names."""

import re

from hypothesis import given
from hypothesis import strategies as st
from labtrust_export.fhir.ids import Names, fhir_id

LEGAL = re.compile(r"[A-Za-z0-9\-.]{1,64}")
NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
NAMES = st.lists(NAME, min_size=1, max_size=3).map(tuple)


@given(NAMES)
def test_every_name_has_a_legal_id(parts):
    assert LEGAL.fullmatch(fhir_id(*parts))


@given(NAMES, NAMES)
def test_two_names_never_have_one_id(one, other):
    assert (fhir_id(*one) == fhir_id(*other)) is (one == other)


@given(
    st.lists(st.text("aA_-. ", max_size=6), min_size=1, max_size=3).map(tuple),
    st.lists(st.text("aA_-. ", max_size=6), min_size=1, max_size=3).map(tuple),
)
def test_names_that_differ_in_marks_alone_are_kept_apart(one, other):
    assert (fhir_id(*one) == fhir_id(*other)) is (one == other)


def test_ids_of_the_laboratory_stay_readable():
    assert fhir_id("S_hub_00007") == "S-hub-00007"
    assert fhir_id("S_hub_00007", "HAEM_HB") == "S-hub-00007..HAEM-HB"


def test_full_urls_differ_by_episode_kind_and_id():
    names = Names("0" * 64)
    found = {
        names.full_url("Specimen", "S1"),
        names.full_url("Observation", "S1"),
        names.full_url("Specimen", "S2"),
        Names("1" * 64).full_url("Specimen", "S1"),
    }
    assert len(found) == 4
    assert names.full_url("Specimen", "S1") in found
