"""The error tree: messages that help, and errors that survive a process border."""

import pickle

import pytest
from labtrust_core import errors


def test_document_error_names_file_line_path_found_and_expected():
    error = errors.PolicyError(
        "unknown zone",
        file="zones.yaml",
        line=12,
        path="edges[3].to",
        found="'Z_NOWHERE'",
        expected="one of Z_A, Z_B",
    )

    assert str(error) == (
        "zones.yaml:12: edges[3].to: unknown zone (found 'Z_NOWHERE', expected one of Z_A, Z_B)"
    )


def test_document_error_leaves_out_what_is_unknown():
    assert str(errors.DocumentError("is empty")) == "is empty"


def test_document_error_without_a_file_shows_no_line():
    assert str(errors.DocumentError("is odd", line=3, path="a")) == "a: is odd"


def test_document_error_can_be_told_its_file_later():
    error = errors.ScenarioError("no steps", line=4).at("suite.yaml")

    assert (error.file, error.line) == ("suite.yaml", 4)


def test_unknown_name_error_lists_the_known_names_sorted():
    assert str(errors.UnknownNameError("task", "x", ["b", "a"])).endswith("known: a, b")


def test_unknown_name_error_says_when_nothing_is_known():
    assert str(errors.UnknownNameError("task", "x", [])).endswith("known: none")


def test_missing_extra_error_gives_the_pip_command():
    error = errors.MissingExtraError("train-ppo", "labtrust-bench[marl]")

    assert "pip install 'labtrust-bench[marl]'" in str(error)


@pytest.mark.parametrize(
    "error",
    [
        errors.LabTrustError("plain"),
        errors.UnknownNameError("task", "x", ["a"]),
        errors.MissingExtraError("serve", "labtrust-cli[serve]"),
        errors.PolicyError("bad", file="a.yaml", line=1, path="p", found="1", expected="2"),
        errors.PluginError("labtrust_gym.tasks", "t", "some-dist", "broken"),
        errors.PluginConflictError("labtrust_gym.tasks", "t", ["b", "a"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_survives_pickling(error):
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_every_error_is_drawn_in_the_tree_of_the_docstring():
    raised = {
        name
        for name, item in vars(errors).items()
        if isinstance(item, type) and issubclass(item, errors.LabTrustError)
    }

    assert raised == {word for word in errors.__doc__.split() if word.endswith("Error")}
