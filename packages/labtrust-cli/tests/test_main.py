"""Global options, errors as one line and an exit code, and a help text that costs nothing."""

import resource
import subprocess
import sys

import click
import pytest
from labtrust_cli import __version__
from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.session import pass_session
from labtrust_core.errors import LedgerError, PluginError, PolicyError, UsageError
from labtrust_core.settings import POLICY_DIR, read_settings


def raising(error):
    def body():
        raise error

    return body


def test_no_arguments_shows_the_help(labtrust):
    answer = labtrust()

    assert answer.code == ExitCode.DONE
    assert answer.out.startswith("Usage: labtrust")


def test_version_is_the_version_of_the_package(labtrust):
    assert labtrust("--version").out == f"labtrust {__version__}\n"


def test_help_tells_how_to_switch_completion_on_for_three_shells(labtrust):
    text = labtrust("--help").out

    assert all(f"_LABTRUST_COMPLETE={shell}_source" in text for shell in ("bash", "zsh", "fish"))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_printed(shell):
    answer = subprocess.run(
        [sys.executable, "-c", "from labtrust_cli.main import main; main()"],
        env={"_LABTRUST_COMPLETE": f"{shell}_source", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "_LABTRUST_COMPLETE" in answer.stdout


def test_help_is_quick_and_imports_neither_numpy_nor_rich():
    probe = (
        "import sys\n"
        "from labtrust_cli.main import run\n"
        "run(['--help'])\n"
        "heavy = {'numpy', 'rich', 'msgspec', 'jsonschema', 'yaml', 'labtrust_bench'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert answer.stderr.strip() == "[]"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.25


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no such task"), ExitCode.BAD_REQUEST),
        (PolicyError("bad", file="zones.yaml", line=3), ExitCode.BAD_REQUEST),
        (click.BadParameter("0 is not in the range x>=1"), ExitCode.BAD_REQUEST),
        (click.FileError("in.json", "no such file"), ExitCode.BAD_REQUEST),
        (PluginError("labtrust_gym.tasks", "t", "some-dist", "broken"), ExitCode.WORK_FAILED),
        (LedgerError("disk full"), ExitCode.WORK_FAILED),
        (OSError(28, "No space left on device", "out.json"), ExitCode.WORK_FAILED),
        (KeyError("surprise"), ExitCode.WORK_FAILED),
        (KeyboardInterrupt(), ExitCode.WORK_FAILED),
    ],
    ids=lambda value: value.name if isinstance(value, ExitCode) else type(value).__name__,
)
def test_error_ends_in_one_line_and_its_exit_code(labtrust, table, error, code):
    table(work=raising(error))

    answer = labtrust("work")

    lines = [line for line in answer.err.splitlines() if line]
    assert (answer.code, answer.out, len(lines)) == (code, "", 1)
    assert lines[0].startswith("labtrust: ")


def test_message_of_several_lines_becomes_one(labtrust, table):
    table(work=raising(UsageError("first\nsecond")))

    assert labtrust("work").err == "labtrust: first second\n"


def test_debug_shows_the_traceback_and_keeps_the_exit_code(labtrust, table):
    table(work=raising(UsageError("no such task")))

    answer = labtrust("--debug", "work")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "Traceback" in answer.err


def test_exit_code_is_what_the_command_returns(labtrust, table):
    table(work=lambda: ExitCode.ANSWER_IS_NO)

    assert labtrust("work").code == ExitCode.ANSWER_IS_NO


def test_command_that_returns_nothing_is_done(labtrust, table):
    table(work=lambda: None)

    assert labtrust("work").code == ExitCode.DONE


def test_usage_error_names_the_help_of_its_command(labtrust, table):
    table(work=lambda: None)

    assert "See labtrust work --help" in labtrust("work", "--nonsense").err


def test_quiet_and_verbose_exclude_each_other(labtrust, table):
    table(work=lambda: None)

    assert labtrust("--quiet", "--verbose", "work").code == ExitCode.BAD_REQUEST


@pytest.mark.parametrize(
    ("options", "heard"), [([], "note\n"), (["-q"], ""), (["-v"], "note\ndetail\n")]
)
def test_verbosity_reaches_the_command(labtrust, table, options, heard):
    @pass_session
    def body(session):
        session.output.note("note")
        session.output.detail("detail")
        session.output.result("result")

    table(work=body)
    answer = labtrust(*options, "work")

    assert (answer.out, answer.err) == ("result\n", heard)


def test_policy_dir_is_in_force_while_the_command_runs(labtrust, table, tmp_path, monkeypatch):
    monkeypatch.delenv(POLICY_DIR, raising=False)
    table(work=lambda: click.echo(read_settings().policy_dir))

    answer = labtrust("--policy-dir", str(tmp_path), "work")

    assert answer.out.strip() == str(tmp_path)
    assert read_settings().policy_dir is None


def test_policy_dir_that_does_not_exist_is_refused(labtrust, table, tmp_path):
    table(work=lambda: None)

    answer = labtrust("--policy-dir", str(tmp_path / "absent"), "work")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "absent" in answer.err


def test_reader_who_leaves_early_sees_no_traceback():
    program = (
        "import click, sys\n"
        "from labtrust_cli.main import main\n"
        "sys.argv = ['labtrust', '--help']\n"
        "main()\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    writer.stdout.close()
    complaint = writer.stderr.read()
    writer.stderr.close()
    writer.wait()

    assert complaint == b""
