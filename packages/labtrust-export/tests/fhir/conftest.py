"""A ledger written by hand, in which everything happens once, and those of golden scenarios."""

import json

import pytest
from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.domains import open_documents
from labtrust_core.golden.hooks import HOOKS
from labtrust_core.golden.reader import read_suite, read_test_keys
from labtrust_core.golden.runner import TEST_KEYS, RunOptions, run_suite, suite_folder
from labtrust_core.ledger.chain import Chain
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.snapshot import read_snapshot
from labtrust_export.episode import parse_episode
from labtrust_export.fhir.export import encoded, fhir_bundle
from msgspec import structs

HOOK = "collect_for_fhir"


class Ledger:
    """Writes a ledger of the laboratory, step by step."""

    def __init__(self, fingerprint, **start):
        self.lines = []
        self.chain = Chain(self.lines.append)
        self.now = 0
        self.chain.start(0, start_body(fingerprint, **start))

    def step(self, action, args=None, data=None, **more):
        """Take one step, a minute after the last."""
        self.now += 60
        event = {
            "action_type": action,
            "agent_id": more.pop("by", "A_CLINSCI_0"),
            "args": args or {},
            "event_id": f"e{self.now}",
            "t_s": self.now,
        }
        outcome = {"status": "BLOCKED" if "reason" in more else "ACCEPTED"}
        origin = more.pop("origin", "agent")
        self.chain.event(
            self.now, origin, event, {**outcome, **({"data": data} if data else {}), **more}
        )

    def measured(self, name, analyte, value, units, **data):
        """Enter a result of the run."""
        args = {"analyte_code": analyte, "result_id": name, "run_id": "RUN_1"}
        args |= {"specimen_id": "S_1", "units": units, "value": value}
        self.step("GENERATE_RESULT", args, data, by="SYSTEM", origin="clockwork")

    def finished(self):
        """Return the ledger's bytes."""
        self.chain.end(self.now, "completed", None)
        return b"".join(line + b"\n" for line in self.lines)


def start_body(fingerprint, scenario=None, domain="hospital_lab"):
    """Return a start record's body."""
    state = scenario or {}
    return {
        "config": {"episode": "EP", "seed": 1, "signatures_required": False, "simulated": True},
        "domain": domain,
        "engine": "0.1.0",
        "keys": {},
        "keys_digest": sha256_hex(b"{}"),
        "partner": None,
        "policy_fingerprint": fingerprint,
        "roster": {"A_CLINSCI_0": "ROLE_CLINICAL_SCIENTIST", "SYSTEM": "R_SYSTEM_CONTROL"},
        "scenario": state,
        "scenario_digest": sha256_hex(canonical_bytes(state)),
        "world": "0" * 64,
    }


def story(ledger):
    """Let everything happen once."""
    ledger.step(
        "SYS_ARRIVAL",
        {"stream": "hub"},
        {
            "specimen_ids": ["S_1", "S_2", "S_3", "S_4"],
            "patients": ["p-a", "p-a", "p-b", ""],
            "request_ids": ["R_1", "R_1", "R_2", ""],
            "priorities": ["STAT", "STAT", "ROUTINE", "URGENT"],
            "panels": ["BIOCHEM_PANEL_CORE", "HAEM_PANEL_CORE", "COAG_PANEL_CORE", "NOVEL"],
            "specimen_types": ["SERUM", "WHOLE_BLOOD", "PLASMA", "SWAB"],
            "collected_s": [-300, -300, -60, 0],
        },
        by="SYSTEM",
        origin="clockwork",
    )
    ledger.step("CREATE_ACCESSION", {"specimen_id": "S_1"})
    ledger.step("ACCEPT_SPECIMEN", {"specimen_id": "S_1"}, {"accepted_specimens": ["S_1"]})
    ledger.step("HOLD_SPECIMEN", {"specimen_id": "S_2"}, {"held_specimens": ["S_2"]})
    ledger.step(
        "REJECT_SPECIMEN",
        {"reason_code": "INT_HEMOLYSED", "specimen_id": "S_3"},
        {"rejected_specimens": ["S_3"]},
    )
    ledger.step("CENTRIFUGE_END", {"device_id": "DEV_CENTRIFUGE_BANK_01", "specimen_ids": ["S_1"]})
    ledger.step(
        "START_RUN",
        {"device_id": "DEV_CHEM_A_01", "run_id": "RUN_1", "specimen_ids": ["S_1"]},
    )
    ledger.measured("N_1", "BIOCHEM_SODIUM_NA", "139", "mmol/L")
    delta = {"delta": {"by": 20, "compared_with": "K_0"}, "reason_code": "RC_DELTA_CHECK"}
    ledger.measured("K_1", "BIOCHEM_POTASSIUM_K", "6.9", "mmol/L", **delta)
    ledger.measured("G_1", "BIOCHEM_GLUCOSE", "4.0", "mmol/L")
    ledger.measured("U_1", "BIOCHEM_UREA", "8.0", "mmol/L")
    ledger.measured("C_1", "BIOCHEM_CRP", "2.0", "mg/dL", held_results=["C_1"])
    ledger.measured("X_1", "NOVEL_ANALYTE", "7", "furlong")
    ledger.measured("A_1", "BIOCHEM_ALT", "41", "U/L")
    release = ["N_1", "A_1"]
    ledger.step("RELEASE_RESULT", {"specimen_id": "S_1"}, {"released_results": release})
    ledger.step("RERUN_REQUEST", {"result_id": "U_1"}, {"superseded_results": ["U_1"]})
    ledger.measured("A_2", "BIOCHEM_ALT", "14", "U/L")
    ledger.step(
        "AMEND_RESULT",
        {"result_id": "A_2"},
        {"amended_results": ["A_1"], "amends": "A_1", "released_results": ["A_2"]},
        tokens_consumed=["T_1"],
    )
    ledger.step("RELEASE_RESULT", {"result_id": "K_1"}, reason="CRIT_NO_ACK", by="A_NOBODY")
    ledger.step("FLY  AWAY", {}, reason="RBAC_ACTION_DENY")
    ledger.step("THROTTLE_AGENT", {"target": "A_NOBODY"}, by="SYSTEM", origin="enforcement")
    ledger.step("ADD_ON_TEST", {"panel_id": "BIOCHEM_TSH_ADDON", "specimen_id": "S_1"})
    return ledger.finished()


@pytest.fixture(scope="session")
def snapshot():
    """Return the shipped policy as the bytes of policy.json, without LF."""
    return open_documents().documents.snapshot


@pytest.fixture(scope="session")
def documents(snapshot):
    """Return the shipped policy's documents by name."""
    return read_snapshot(snapshot)


@pytest.fixture(scope="session")
def ledger(snapshot):
    """Return a maker of ledgers."""

    def make(**start):
        return Ledger(sha256_hex(snapshot), **start)

    return make


@pytest.fixture(scope="session")
def told(ledger):
    """Return the ledger in which everything happens once."""
    return story(ledger())


@pytest.fixture(scope="session")
def export(documents):
    """Return a function that gives the Bundle of a ledger's bytes, as JSON."""

    def make(data, **options):
        chosen = options.pop("documents", documents)
        return json.loads(encoded(fhir_bundle(parse_episode(data), chosen, **options)))

    return make


@pytest.fixture
def bundle(told, export):
    """Return the story's Bundle."""
    return export(told)


@pytest.fixture(scope="session")
def golden():
    """Return the ledger of every golden scenario by its id."""
    found = {}

    def keep(episode, parameters):
        del parameters
        found[episode.scenario.scenario_id] = b"".join(line + b"\n" for line in episode.lines)

    directory = find_policy_dir()
    suite = read_suite(suite_folder(directory))
    hooked = [structs.replace(item, post_run_hooks=[HOOK], post_run=[]) for item in suite.scenarios]
    HOOKS.register(HOOK, keep)
    try:
        run_suite(
            structs.replace(suite, scenarios=hooked),
            open_documents(directory),
            read_test_keys(directory / TEST_KEYS),
            RunOptions(sign_placeholders=True),
        )
    finally:
        HOOKS.unregister(HOOK)
    return found
