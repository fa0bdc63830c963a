"""Read golden suites from YAML; what the format does not know is refused, with file and line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import UNSET

from labtrust_core.errors import PolicyError, ScenarioError
from labtrust_core.golden.format import (
    SUITE_KEY,
    FixtureAgent,
    Fixtures,
    Scenario,
    Step,
    Suite,
    SuiteFile,
    TestKeys,
)
from labtrust_core.policy.documents import (
    DocumentPath,
    SourceDocument,
    path_text,
    read_document,
)
from labtrust_core.policy.model import Document
from labtrust_core.policy.schemas import misfits

P = TypeVar("P", bound=msgspec.Struct)

EVENT_KEYS: Final = frozenset(
    {"event_id", "t_s", "agent_id", "action_type", "args", "reason_code", "token_refs"}
)
RAW_KEYS: Final = frozenset({"event_id", "raw", "expect"})
ADVANCE_KEYS: Final = frozenset({"event_id", "advance_to_s", "expect"})
ADVANCE_EXPECTS: Final = frozenset(
    {"emits", "violations", "state_assertions", "state", "hashchain_len_delta", "enforcements"}
)


@dataclass(frozen=True, slots=True)
class _Source:
    """A suite file and what it says, before several become one."""

    document: SourceDocument
    suite: Suite

    def error(self, path: DocumentPath, message: str, found: str, expected: str) -> ScenarioError:
        return ScenarioError(
            message,
            file=self.document.file,
            line=self.document.line_of(path),
            path=path_text(path),
            found=found,
            expected=expected,
        )


def suite_files(place: Path) -> list[Path]:
    """Return the suite files at ``place``: the file itself, or those of a folder, sorted.

    Raises:
        ScenarioError: There is no such place, or the folder holds no suite.
    """
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise ScenarioError(
            "no such suite", file=place, expected="a suite file or a folder of them"
        )
    files = [
        file
        for pattern in ("*.yaml", "*.yml")
        for file in place.glob(pattern)
        if SUITE_KEY in _document(file).data
    ]
    if not files:
        raise ScenarioError(
            "the folder holds no golden suite",
            file=place,
            found="nothing",
            expected=f"a YAML file with the key {SUITE_KEY}",
        )
    return sorted(files)


def read_suite(*places: Path) -> Suite:
    """Read suite files, or all of folders, as one suite with shared fixtures.

    Raises:
        ScenarioError: A file is not in the format, or two files contradict each other; names file,
            line and place.
    """
    sources = [_read(file) for place in places for file in suite_files(place)]
    first = sources[0]
    seen: dict[str, Path] = {}
    for source in sources:
        _check_same(first, source)
        for number, scenario in enumerate(source.suite.scenarios):
            path = (SUITE_KEY, "scenarios", number, "scenario_id")
            if scenario.scenario_id in seen:
                found = f"{scenario.scenario_id}, also in {seen[scenario.scenario_id].name}"
                raise source.error(path, "scenario id used twice", found, "each id once")
            seen[scenario.scenario_id] = source.document.file
    return msgspec.structs.replace(
        first.suite,
        fixtures=_shared_fixtures(sources),
        scenarios=[item for source in sources for item in source.suite.scenarios],
    )


def read_test_keys(file: Path) -> TestKeys:
    """Read the bindings of the test keys.

    Raises:
        ScenarioError: The file is missing or not in the format.
    """
    document = _document(file)
    return _typed(document, TestKeys)


def _document(file: Path) -> SourceDocument:
    try:
        return read_document(file)
    except PolicyError as error:
        raise ScenarioError(
            error.message,
            file=file,
            line=error.line,
            path=error.path,
            found=error.found,
            expected=error.expected,
        ) from error


def _typed(document: SourceDocument, kind: type[P]) -> P:
    try:
        return msgspec.convert(document.data, kind)
    except msgspec.ValidationError as error:
        shape = cast("type[Document]", kind)  # any struct has a schema
        for misfit in misfits(document.data, shape):
            raise ScenarioError(
                misfit.message,
                file=document.file,
                line=document.line_of(misfit.path),
                path=path_text(misfit.path),
                found=misfit.found,
                expected=misfit.expected,
            ) from error
        raise ScenarioError(str(error), file=document.file) from error


def _read(file: Path) -> _Source:
    document = _document(file)
    source = _Source(document, _typed(document, SuiteFile).golden_suite)
    for number, scenario in enumerate(source.suite.scenarios):
        place: DocumentPath = (SUITE_KEY, "scenarios", number)
        raw_script = document.data[SUITE_KEY]["scenarios"][number]["script"]
        for index, step in enumerate(scenario.script):
            _check_step(source, (*place, "script", index), step, raw_script[index])
        _check_post_run(source, place, scenario)
    return source


def _check_step(source: _Source, path: DocumentPath, step: Step, raw: dict[str, Any]) -> None:
    if step.raw is not UNSET:
        _check_keys(source, path, raw, RAW_KEYS, "a raw step")
    elif step.advance_to_s is not UNSET:
        _check_keys(source, path, raw, ADVANCE_KEYS, "a step that advances time")
        _check_keys(
            source, (*path, "expect"), raw.get("expect", {}), ADVANCE_EXPECTS, "its expectation"
        )
    else:
        missing = sorted(EVENT_KEYS - raw.keys())
        if missing:
            raise source.error(path, "missing key", "nothing", ", ".join(missing))
    if source.suite.exact and step.advance_to_s is UNSET and step.expect.status is UNSET:
        raise source.error(path, "the step states no expected status", "nothing", "expect.status")
    for index, claim in enumerate(step.expect.violations or []):
        if claim.rpartition(":")[2] not in {"PASS", "VIOLATION"}:
            place = (*path, "expect", "violations", index)
            raise source.error(place, "not a claim", claim, "ID:PASS or ID:VIOLATION")


def _check_keys(
    source: _Source, path: DocumentPath, raw: dict[str, Any], known: frozenset[str], what: str
) -> None:
    for key in raw:
        if key not in known:
            expected = ", ".join(sorted(known))
            raise source.error((*path, key), f"a key that {what} has no use for", key, expected)


def _check_post_run(source: _Source, place: DocumentPath, scenario: Scenario) -> None:
    for index, item in enumerate(scenario.post_run):
        if not isinstance(item.get("action"), str):
            path = (*place, "post_run", index)
            raise source.error(path, "the entry names no action", ", ".join(item), "action: NAME")


def _check_same(first: _Source, source: _Source) -> None:
    """Files that are read as one suite have one version and one seed."""
    pairs: tuple[tuple[DocumentPath, object, object], ...] = (
        ((SUITE_KEY, "version"), first.suite.version, source.suite.version),
        (
            (SUITE_KEY, "deterministic", "rng_seed"),
            first.suite.deterministic.rng_seed,
            source.suite.deterministic.rng_seed,
        ),
    )
    for path, expected, found in pairs:
        if found != expected:
            where = f"{expected}, as in {first.document.file.name}"
            raise source.error(path, "files of one suite differ", str(found), where)


def _shared_fixtures(sources: list[_Source]) -> Fixtures:
    templates: dict[str, dict[str, Any]] = {}
    for source in sources:
        for name, template in source.suite.fixtures.specimen_templates.items():
            if templates.setdefault(name, template) != template:
                path = (SUITE_KEY, "fixtures", "specimen_templates", name)
                raise source.error(path, "template defined twice", name, "one definition")
    return Fixtures(
        keys={name: key for item in sources for name, key in item.suite.fixtures.keys.items()},
        agents=list(_shared_agents(sources).values()),
        devices=[device for item in sources for device in item.suite.fixtures.devices],
        base_system=sources[0].suite.fixtures.base_system,
        specimen_templates=templates,
    )


def _shared_agents(sources: list[_Source]) -> dict[str, FixtureAgent]:
    agents: dict[str, FixtureAgent] = {}
    for source in sources:
        for number, agent in enumerate(source.suite.fixtures.agents):
            if agents.setdefault(agent.agent_id, agent) != agent:
                path = (SUITE_KEY, "fixtures", "agents", number)
                raise source.error(path, "agent placed twice", agent.agent_id, "one place")
    return agents
