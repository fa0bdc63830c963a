"""One registry for every extension point.

A name reaches a registry in one of three ways: a built-in listed in code, `register()` at run time,
or an entry point of another distribution. The rules it upholds:

* Listing imports nothing. Only the item asked for is imported.
* The installed entry points are scanned once, for all groups together.
* A plugin that fails names its distribution; a name offered twice is an error naming both.
* With LABTRUST_NO_PLUGINS=1 no entry point is looked at.
"""

from __future__ import annotations

import functools
import importlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final, Generic, TypeVar, cast

from labtrust_core.errors import PluginConflictError, PluginError, UnknownNameError, UsageError
from labtrust_core.settings import read_settings

T = TypeVar("T")

GROUP_PREFIX: Final = "labtrust_gym."
RUN_TIME: Final = "registered at run time"


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Where a named item comes from; goes into results, since a foreign item can weaken evidence.

    Attributes:
        group: Entry-point group.
        name: Name of the item.
        distribution: Distribution; import package for a built-in; or "registered at run time".
        version: Version of the distribution; empty for a built-in or run-time item.
    """

    group: str
    name: str
    distribution: str
    version: str = ""


class Registry(Generic[T]):
    """Named items of one kind."""

    def __init__(
        self,
        kind: str,
        group: str,
        builtins: Mapping[str, str] | None = None,
        check: Callable[[object], str] | None = None,
    ) -> None:
        """Make a registry.

        Args:
            kind: What an item is called in messages, for example "task".
            group: Entry-point group, for example "labtrust_gym.tasks".
            builtins: Name to "module:attribute", imported when asked for.
            check: Returns what is wrong with an item of another distribution; empty when it fits.
        """
        if not group.startswith(GROUP_PREFIX):
            raise UsageError(f"entry-point group {group!r} must start with {GROUP_PREFIX!r}")
        self.kind = kind
        self.group = group
        self._builtins = dict(builtins or {})
        self._check = check
        self._registered: dict[str, T] = {}
        self._loaded: dict[str, T] = {}

    def register(self, name: str, item: T, *, replace: bool = False) -> None:
        """Add an item at run time; adding the same item again changes nothing.

        Args:
            name: Non-empty name.
            item: What `get(name)` returns from now on.
            replace: Take the name even if it is already offered.

        Raises:
            UsageError: The name is empty.
            PluginConflictError: The name is taken and `replace` is false.
        """
        if not name:
            raise UsageError(f"the name of a {self.kind} is empty")
        same = name in self._registered and self._registered[name] is item
        if not (replace or same):
            taken = [source.distribution for source in self.offers(name)]
            if taken:
                raise PluginConflictError(self.group, name, [*taken, RUN_TIME])
        self._registered[name] = item

    def unregister(self, name: str) -> None:
        """Take back a `register()`.

        Raises:
            UnknownNameError: Nothing was registered at run time under this name.
        """
        if name not in self._registered:
            raise UnknownNameError(f"registered {self.kind}", name, self._registered)
        del self._registered[name]

    def get(self, name: str) -> T:
        """The item of that name, importing it if need be.

        Raises:
            UnknownNameError: Nothing offers the name.
            PluginConflictError: More than one distribution offers it.
            PluginError: The distribution that offers it cannot deliver.
        """
        if name in self._registered:
            return self._registered[name]
        if name not in self._loaded:
            self.source(name)  # unknown or contested names end here
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        """Whether the name is offered; imports nothing."""
        return name in self.names()

    def names(self) -> tuple[str, ...]:
        """Every offered name, sorted; imports nothing."""
        return tuple(sorted({*self._registered, *self._builtins, *self._plugins()}))

    def source(self, name: str) -> Source:
        """Where the item of that name comes from; imports nothing.

        Raises:
            UnknownNameError: Nothing offers the name.
            PluginConflictError: More than one distribution offers it.
        """
        if name in self._registered:
            return Source(self.group, name, RUN_TIME)
        offers = self.offers(name)
        if not offers:
            raise UnknownNameError(self.kind, name, self.names())
        if len(offers) > 1:
            raise PluginConflictError(self.group, name, [offer.distribution for offer in offers])
        return offers[0]

    def load_all(self) -> dict[str, T]:
        """Every item by name, imported; raises as `get` does."""
        return {name: self.get(name) for name in self.names()}

    def offers(self, name: str) -> list[Source]:
        """Everything that offers the name, one or more or none; imports nothing."""
        offers = [_source(self.group, point) for point in self._plugins().get(name, ())]
        if name in self._builtins:
            package = self._builtins[name].partition(":")[0].partition(".")[0]
            offers.append(Source(self.group, name, package))
        if name in self._registered:
            offers.append(Source(self.group, name, RUN_TIME))
        return offers

    def _plugins(self) -> Mapping[str, tuple[EntryPoint, ...]]:
        return {} if read_settings().no_plugins else _scan().get(self.group, {})

    def _load(self, name: str) -> T:
        if name in self._builtins:
            module, _, attribute = self._builtins[name].partition(":")
            return cast("T", getattr(importlib.import_module(module), attribute))
        point = self._plugins()[name][0]
        item = _load_entry_point(self.group, point)
        complaint = self._check(item) if self._check else ""
        if complaint:
            raise PluginError(self.group, name, _source(self.group, point).distribution, complaint)
        return cast("T", item)


def installed_plugins() -> tuple[Source, ...]:
    """Every entry point offered in a LabTrust group, sorted; imports none of them."""
    if read_settings().no_plugins:
        return ()
    return tuple(
        sorted(
            _source(group, point)
            for group, offers in _scan().items()
            for points in offers.values()
            for point in points
        )
    )


def load_plugins() -> tuple[Source, ...]:
    """Import every installed plugin now, so that a broken one is reported at once and by name.

    Registries load what is asked for by themselves, so this is never needed.

    Returns:
        What was imported, sorted; empty with LABTRUST_NO_PLUGINS=1.

    Raises:
        PluginConflictError: Two distributions offer one name in one group.
        PluginError: A plugin cannot be imported.
    """
    if read_settings().no_plugins:
        return ()
    for group, offers in _scan().items():
        for name, points in offers.items():
            if len(points) > 1:
                owners = [_source(group, point).distribution for point in points]
                raise PluginConflictError(group, name, owners)
            _load_entry_point(group, points[0])
    return installed_plugins()


@functools.cache
def _scan() -> dict[str, dict[str, tuple[EntryPoint, ...]]]:
    """Group to name to entry points.

    A scan reads the metadata of every installed distribution, so one serves all registries.
    """
    found: defaultdict[str, defaultdict[str, list[EntryPoint]]] = defaultdict(
        lambda: defaultdict(list)
    )
    everything = entry_points()
    for group in everything.groups:
        if group.startswith(GROUP_PREFIX):
            for point in everything.select(group=group):
                found[group][point.name].append(point)
    return {
        group: {name: tuple(points) for name, points in sorted(offers.items())}
        for group, offers in sorted(found.items())
    }


def _source(group: str, point: EntryPoint) -> Source:
    distribution = point.dist
    if distribution is None:
        return Source(group, point.name, "unknown distribution")
    return Source(group, point.name, distribution.name, distribution.version)


def _load_entry_point(group: str, point: EntryPoint) -> object:
    try:
        item: object = point.load()
    except Exception as error:  # plugin boundary: foreign code may raise anything
        owner = _source(group, point).distribution
        reason = f"cannot be imported from {point.value}: {type(error).__name__}: {error}"
        raise PluginError(group, point.name, owner, reason) from error
    return item
