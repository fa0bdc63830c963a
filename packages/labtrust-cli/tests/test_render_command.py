"""`labtrust render` draws a floor plan and a timeline, and says in one line why it cannot."""

import xml.etree.ElementTree as ET

import pytest
from labtrust_cli.exit_codes import ExitCode
from labtrust_core.testing.laboratory import Laboratory


@pytest.fixture
def log(tmp_path):
    """Return the log of a minute in which somebody walks and somebody is refused."""
    from labtrust_core.ledger.writer import LogWriter

    path = tmp_path / "episode.jsonl"
    walk = {"from_zone": "Z_SORTING_LANES", "to_zone": "Z_ACCESSIONING"}
    with LogWriter(path, sync="none") as writer:
        lab = Laboratory(
            {"crew": "standard", "workload": "district_smoke"}, simulated=True, sink=writer.write
        )
        lab.do("A_RUNNER_0", "MOVE", walk)
        lab.do("A_RUNNER_1", "MOVE", walk)
        lab.engine.advance(60)
        lab.engine.finish()
    return path


def places(picture):
    """Return where each person of a floor plan stands."""
    return {
        person.get("data-person"): zone.get("data-zone")
        for zone in ET.fromstring(picture).iter()  # noqa: S314 - our own document
        if zone.get("data-zone")
        for person in zone.iter()
        if person.get("data-person")
    }


def test_floor_plan_of_the_first_crew_goes_to_stdout(labtrust):
    answer = labtrust("render", "floor")

    assert answer.code == ExitCode.DONE, answer.err
    assert places(answer.out)["A_RUNNER_0"] == "Z_SORTING_LANES"


def test_crew_is_the_one_asked_for(labtrust):
    assert "A_ADVERSARY_0" in places(labtrust("render", "floor", "--crew", "adversarial").out)


def test_floor_plan_shows_a_second_of_a_log(labtrust, log):
    answer = labtrust("render", "floor", "--log", str(log), "--at", "60")

    assert places(answer.out)["A_RUNNER_0"] == "Z_ACCESSIONING"
    assert places(answer.out)["A_RUNNER_1"] == "Z_ALIQUOT_LABEL"


def test_timeline_goes_to_a_file_and_never_over_one(labtrust, log, tmp_path):
    out = tmp_path / "timeline.svg"
    command = ("render", "timeline", "--log", str(log), "--out", str(out))

    assert labtrust(*command).code == ExitCode.DONE
    first = out.read_bytes()
    ET.fromstring(first)  # noqa: S314 - our own document
    assert labtrust(*command).code == ExitCode.BAD_REQUEST
    assert labtrust(*command, "--force").code == ExitCode.DONE
    assert out.read_bytes() == first


def test_timeline_of_a_part_shows_times_of_day(labtrust, log):
    answer = labtrust("render", "timeline", "--log", str(log), "--from", "0", "--to", "30")

    assert ">08:00:00<" in answer.out
    assert "time of day" in answer.out


def test_the_log_says_under_which_partner_it_was_made(labtrust, tmp_path):
    from labtrust_core.ledger.writer import LogWriter

    path = tmp_path / "partner.jsonl"
    with LogWriter(path, sync="none") as writer:
        lab = Laboratory(partner="upstream_compat", simulated=True, sink=writer.write)
        lab.engine.advance(60)
        lab.engine.finish()

    assert labtrust("render", "timeline", "--log", str(path)).code == ExitCode.DONE


@pytest.mark.parametrize("name", ["floor", "timeline"])
def test_help_shows_an_example(labtrust, name):
    assert f"Example: labtrust render {name} --log" in labtrust("render", name, "--help").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("floor", "--crew", "nobody"), "unknown crew"),
        (("floor", "--partner", "nobody"), "nobody"),
        (("floor", "--out", "floor.png"), ".svg"),
        (("floor", "--at", "60"), "go together"),
        (("floor", "--log", "LOG"), "go together"),
        (("floor", "--log", "LOG", "--at", "61"), "not in the log"),
        (("floor", "--log", "LOG", "--at", "-1"), "--at"),
        (("floor", "--log", "none.jsonl", "--at", "1"), "none.jsonl"),
        (("timeline",), "--log"),
        (("timeline", "--log", "LOG", "--from", "60"), "not in the log"),
        (("timeline", "--log", "LOG", "--to", "61"), "not in the log"),
        (("timeline", "--log", "LOG", "--partner", "upstream_compat"), "made under the policy"),
        (("ceiling",), "ceiling"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_request_is_one_line(labtrust, log, arguments, message):
    named = [str(log) if item == "LOG" else item for item in arguments]
    answer = labtrust("render", *named)

    assert answer.code == ExitCode.BAD_REQUEST
    assert answer.err.count("\n") == 1
    assert message in answer.err
    assert answer.out == ""


@pytest.mark.parametrize(
    "command", [("floor", "--at", "1"), ("timeline",)], ids=lambda item: item[0]
)
def test_a_log_that_was_cut_is_a_bad_request(labtrust, log, tmp_path, command):
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    out = tmp_path / "picture.svg"
    answer = labtrust("render", *command, "--log", str(log), "--out", str(out))

    assert answer.code == ExitCode.BAD_REQUEST
    assert answer.err.count("\n") == 1
    assert "LOG_TRUNCATED" in answer.err
    assert not out.exists()
