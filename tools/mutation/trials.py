"""Runs tests against mutants: in a fork of a warmed test run, or in a process of its own.

A change inside a function is made in a fork: the function gets the mutated code, and of the tests
that reach the changed line the quickest come first, until one fails. A change of a module itself
(constants, tables, classes) needs an import: it gets a process.
"""

from __future__ import annotations

import gc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import coverage
import hypothesis
import pytest
from _pytest.runner import runtestprotocol

from mutation.sites import Mutant, mutated
from mutation.targets import Group, source_of

KILLED: Final = "killed"
SURVIVED: Final = "survived"
ENDLESS: Final = "endless"

FORGERIES: Final = 2  # of each class on each good bundle

_FAILED: Final = 1
_NEAR: Final = 10.0  # how much more a line of the same function tells than one of the module
_FAR: Final = 0.1  # what a test tells that reaches none: it may import a name
_TESTS_S: Final = 15.0  # of tests' time in the unchanged run that a mutant gets at most
_MOST_S: Final = 6  # processor time of a mutant, beside three times that of its tests
_WAIT_S: Final = 180  # wall time, for what waits and uses no processor
_MEMORY: Final = 4 << 30  # bytes of address space: an endless loop may collect

_hypothesis_settings: Final = hypothesis.settings(
    max_examples=30,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
    suppress_health_check=list(hypothesis.HealthCheck),
)


class Verdict(NamedTuple):
    """What came of one mutant: killed, survived or endless, and by which test."""

    mutant: Mutant
    answer: str
    tests: int


class Trials:
    """A pytest plugin that runs the tests once, notes what each reaches, and tries the mutants."""

    def __init__(
        self,
        group: Group,
        chosen: Sequence[Mutant],
        tell: Callable[[Verdict], None],
        *,
        control: bool = True,
    ) -> None:
        """Prepare a run.

        Args:
            group: Modules and tests.
            chosen: The mutants to be tried.
            tell: Takes each verdict as it comes.
            control: Whether to make sure first that the tests pass a second time, in a fork.
        """
        self._group = group
        self._chosen = chosen
        self._tell = tell
        self._control = control
        self._sources = {name: source_of(name) for name in group.modules}
        self._took: dict[str, float] = {}
        self._reached: dict[str, dict[int, list[str]]] = {}
        self._functions: dict[tuple[str, str, int], list[types.FunctionType]] = {}
        self.failed: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's loop."""
        if session.testsfailed or not session.items:
            raise pytest.UsageError("the tests of the group cannot be collected")
        self._run_unchanged(session)
        if self.failed:
            return True
        if self._control and self._fails_again(session):
            self.failed.append("the unchanged tests fail when they run a second time")
            return True
        self._index_functions()
        for mutant in self._chosen:
            self._tell(self._try(session, mutant))
        return True

    def _fails_again(self, session: pytest.Session) -> bool:
        limit = _MOST_S + 3 * sum(self._took.values())
        return _in_fork(lambda: self._play(session, session.items), limit, None) != SURVIVED

    def _run_unchanged(self, session: pytest.Session) -> None:
        files = [str(path) for path in self._sources.values()]
        meter = coverage.Coverage(data_file=None, include=files, config_file=False)
        meter.start()
        items = session.items
        for place, item in enumerate(items):
            following = items[place + 1] if place + 1 < len(items) else items[0]
            meter.switch_context(item.nodeid)
            before = time.process_time()
            reports = runtestprotocol(item, log=False, nextitem=following)
            self._took[item.nodeid] = time.process_time() - before
            self.failed += [report.nodeid for report in reports if report.failed]
        meter.stop()
        data = meter.get_data()
        self._reached = {file: data.contexts_by_lineno(file) for file in files}

    def _index_functions(self) -> None:
        files = {str(path) for path in self._sources.values()}
        for thing in gc.get_objects():
            if type(thing) is types.FunctionType and thing.__code__.co_filename in files:
                code = thing.__code__
                key = (code.co_filename, code.co_qualname, code.co_firstlineno)
                self._functions.setdefault(key, []).append(thing)

    def _try(self, session: pytest.Session, mutant: Mutant) -> Verdict:
        items = self._tests_of(session, mutant)
        limit = _MOST_S + 3 * sum(self._took[item.nodeid] for item in items)
        path = self._sources[mutant.module]
        patches = self._patches(mutant, path) if mutant.scope else None
        if patches is None:
            answer = _in_process(mutant, [item.nodeid for item in items], limit)
            return Verdict(mutant, answer, len(items))

        def run() -> bool:
            for function, code in patches:
                function.__code__ = code
            if self._group.anew:
                session._setupstate.teardown_exact(None)  # noqa: SLF001 - pytest offers no other way
            return self._play(session, items)

        return Verdict(mutant, _in_fork(run, limit, _MEMORY), len(items))

    def _tests_of(self, session: pytest.Session, mutant: Mutant) -> list[pytest.Item]:
        """Return the tests that reach the line, the most telling first, within the time there is.

        A test tells the more the quicker it is, and the more it reaches that few others do.
        """
        lines = self._reached[str(self._sources[mutant.module])]
        first, last = self._span_of(mutant)
        telling: dict[str, float] = dict.fromkeys(self._took, 0.0)
        for line, names in lines.items():
            weight = _NEAR if first <= line <= last else 1.0
            for name in telling.keys() & names:
                telling[name] += weight / len(names)
        wanted = set(lines.get(mutant.line, ())) if mutant.scope else set(telling)
        items = sorted(
            (item for item in session.items if item.nodeid in wanted),
            key=lambda item: self._took[item.nodeid] / (telling[item.nodeid] + _FAR),
        )
        total = 0.0
        found: list[pytest.Item] = []
        for item in items:
            if total + self._took[item.nodeid] <= _TESTS_S or not found:
                total += self._took[item.nodeid]
                found.append(item)
        return found

    def _span_of(self, mutant: Mutant) -> tuple[int, int]:
        """Return the first and the last line of the functions around a mutant."""
        path = str(self._sources[mutant.module])
        for (file, name, _first), functions in self._functions.items():
            if (file, name) == (path, mutant.scope):
                found = [line for *_, line in functions[0].__code__.co_lines() if line]
                if min(found) <= mutant.line <= max(found):
                    return min(found), max(found)
        return mutant.line, mutant.line

    def _patches(
        self, mutant: Mutant, path: Path
    ) -> list[tuple[types.FunctionType, types.CodeType]] | None:
        """Return functions and their new codes, or None where that will not do."""
        code = compile(mutated(path.read_text(), mutant.number), str(path), "exec")
        for found in _codes(code):
            key = (str(path), found.co_qualname, found.co_firstlineno)
            if found.co_qualname == mutant.scope and key in self._functions:
                functions = self._functions[key]
                old = functions[0].__code__
                if old.co_code == found.co_code and old.co_consts == found.co_consts:
                    continue  # another of the same name is meant
                if any(one.__code__.co_freevars != found.co_freevars for one in functions):
                    return None
                return [(one, found) for one in functions]
        return None

    def _play(self, session: pytest.Session, items: Sequence[pytest.Item]) -> bool:
        """Run tests until one fails; return whether one does."""
        for place, item in enumerate(items):
            following = items[place + 1] if place + 1 < len(items) else None
            if not place:
                session._setupstate.teardown_exact(item)  # noqa: SLF001 - as above
            reports = runtestprotocol(item, log=False, nextitem=following)
            if any(report.failed for report in reports):
                return True
        return False


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _codes(constant)


def _in_fork(run: Callable[[], bool], limit_s: float, memory: int | None) -> str:
    """Return what a fork of this process finds; whatever ends it otherwise kills the mutant."""
    child = os.fork()
    if not child:
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (1, 2):
            os.dup2(quiet, stream)
        _limit(limit_s, memory)
        answer = _FAILED
        try:
            answer = _FAILED if run() else 0
        finally:
            os._exit(answer)
    end = time.monotonic() + max(_WAIT_S, limit_s)
    pause = 0.001
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    if os.WIFSIGNALED(status):
        return ENDLESS
    return KILLED if os.WEXITSTATUS(status) else SURVIVED


def _limit(limit_s: float, memory: int | None) -> None:
    used = int(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (used + int(limit_s), used + int(limit_s) + 5))
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


# ------------------------------------------------------------------------- a process for one mutant


def _in_process(mutant: Mutant, tests: Iterable[str], limit_s: float) -> str:
    entry = Path(__file__).parent.parent / "mutate.py"
    command = [sys.executable, str(entry), "one", mutant.module, str(mutant.number), *tests]
    if len(command) == 5:  # noqa: PLR2004 - no test reaches the module
        return SURVIVED
    try:
        done = subprocess.run(  # noqa: S603 - our own entry
            command,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_WAIT_S,
            preexec_fn=lambda: _limit(limit_s, _MEMORY),
        )
    except subprocess.TimeoutExpired:
        return ENDLESS
    if done.returncode < 0:
        return ENDLESS
    return KILLED if done.returncode else SURVIVED


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module with one mutation."""

    number = -1

    def get_code(self, fullname: str) -> types.CodeType:  # noqa: ARG002 - an interface
        """Return the mutated code."""
        path = Path(self.path)
        return compile(mutated(path.read_text(), self.number), self.path, "exec")


class _Finder:
    """Finds the mutated module before the others do."""

    def __init__(self, module: str, number: int, path: Path) -> None:
        self._module, self._path = module, path
        self._loader = _Loader(module, str(path))
        self._loader.number = number

    def find_spec(
        self, name: str, _path: object = None, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the module's spec, if it is asked for."""
        if name != self._module:
            return None
        return importlib.util.spec_from_file_location(name, self._path, loader=self._loader)


def try_one(module: str, number: int, tests: Sequence[str]) -> int:
    """Import the mutated module in this process, run tests, and return pytest's exit code."""
    path = _found_without_import(module)
    sys.meta_path.insert(0, _Finder(module, number, path))
    return run_pytest(["-x", *tests], [])


def _found_without_import(module: str) -> Path:
    """Return the file of a module of which not even the package is imported."""
    place = Path(*module.split(".")).with_suffix(".py")
    for folder in sys.path:
        if (Path(folder) / place).is_file():
            return Path(folder) / place
    raise ModuleNotFoundError(module)


def run_pytest(arguments: Sequence[str], plugins: Sequence[object]) -> int:
    """Run pytest without shuffling, processes or examples of earlier runs."""
    hypothesis.settings.register_profile("mutation", _hypothesis_settings)
    hypothesis.settings.load_profile("mutation")
    fixed = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not slow"]
    fixed += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # Hypothesis is imported already
    return int(pytest.main([*fixed, "--timeout", "0", *arguments], plugins=[_Fewer(), *plugins]))


class _Fewer:
    """A pytest plugin that tries few forgeries of each class."""

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Set the number in the tests of the battery."""
        for item in items:
            if isinstance(item, pytest.Function) and hasattr(item.module, "EACH"):
                item.module.EACH = FORGERIES
