"""Results on stdout, progress and notes on stderr."""

import json

import pytest
from labtrust_cli.output import Output, Verbosity


def test_json_result_has_sorted_keys_and_real_characters(capsys):
    Output().result_json({"b": 1, "a": "é"})

    text = capsys.readouterr().out
    assert list(json.loads(text)) == ["a", "b"]
    assert "é" in text


def test_json_result_refuses_what_json_cannot_carry():
    with pytest.raises(ValueError, match="not JSON compliant"):
        Output().result_json({"a": float("nan")})


def test_progress_off_a_terminal_is_at_most_ten_lines_and_ends_with_all(capsys):
    with Output().progress("episodes", 25) as advance:
        for _ in range(25):
            advance()

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 10
    assert lines[-1] == "episodes: 25 of 25"


def test_progress_is_silent_when_quiet(capsys):
    with Output(Verbosity.QUIET).progress("episodes", 2) as advance:
        advance()

    assert capsys.readouterr() == ("", "")


def test_progress_never_touches_stdout(capsys):
    with Output(Verbosity.VERBOSE).progress("episodes", 1) as advance:
        advance()

    assert capsys.readouterr().out == ""


def test_progress_on_a_terminal_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")

    with Output().progress("episodes", 2) as advance:
        advance()
        advance()

    assert "2/2" in capsys.readouterr().err
