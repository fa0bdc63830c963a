"""Our own checks of a Bundle: what can be said without the official definitions.

They know the resources that are exported here; of others they check what holds for every resource.
They look at the Bundle as a whole, which pieces for the official validator are not: ids, full URLs,
references.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Final

from labtrust_export.fhir.codes import Element
from labtrust_export.fhir.finding import Finding
from labtrust_export.fhir.shapes import Shape, shapes
from labtrust_export.fhir.value_checks import check_values, shown

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_ABSOLUTE: Final = re.compile(r"(https?://|urn:uuid:|urn:oid:).+")
_UUID: Final = "urn:uuid:"
_EXPLAINED: Final = object()  # stands for a value that is absent with a reason
_WITH_TOTAL: Final = frozenset({"searchset", "history"})
_WITH_REQUEST: Final = frozenset({"batch", "transaction", "history"})


def check_bundle(bundle: Element) -> Iterator[Finding]:
    """Yield what is wrong with a Bundle."""
    yield from _check_shape("Bundle", bundle, shapes()["Bundle"])
    yield from check_values("Bundle", {k: v for k, v in bundle.items() if k != "entry"})
    kind = bundle.get("type")
    if "total" in bundle and kind not in _WITH_TOTAL:
        yield Finding("Bundle.total", "bdl-1", f"a Bundle of type {kind} has no total")
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        yield Finding("Bundle.entry", "empty", "there is nothing in the Bundle")
        return
    known = _targets(entries)
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        path = f"entry[{number}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("resource"), dict):
            yield Finding(path, "entry", "an entry holds a resource")
            continue
        if "request" in entry and kind not in _WITH_REQUEST:
            yield Finding(f"{path}.request", "bdl-3", f"a Bundle of type {kind} has no requests")
        yield from _check_full_url(path, entry, seen)
        yield from _check_resource(path, entry["resource"], known)


def _targets(entries: Sequence[object]) -> dict[str, str]:
    """Return the type of each resource by its full URL, and by type and id."""
    known: dict[str, str] = {}
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and isinstance(entry, dict):
            kind = str(resource.get("resourceType"))
            known[f"{kind}/{resource.get('id')}"] = kind
            if isinstance(entry.get("fullUrl"), str):
                known[entry["fullUrl"]] = kind
    return known


def _check_full_url(path: str, entry: Element, seen: set[str]) -> Iterator[Finding]:
    url = entry.get("fullUrl")
    where = f"{path}.fullUrl"
    if not isinstance(url, str) or not _ABSOLUTE.fullmatch(url):
        yield Finding(where, "full-url", f"{shown(url)} is no absolute URL")
        return
    if url.startswith(_UUID) and not _is_uuid(url):
        yield Finding(where, "uuid", f"{shown(url)} holds no UUID")
    if url in seen:
        yield Finding(where, "bdl-7", f"{url} is the full URL of an entry before")
    seen.add(url)


def _is_uuid(url: str) -> bool:
    text = url.removeprefix(_UUID)
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _check_resource(path: str, resource: Element, known: dict[str, str]) -> Iterator[Finding]:
    kind = resource.get("resourceType")
    where = f"{path}.resource({kind})"
    if not isinstance(kind, str):
        yield Finding(where, "resource-type", "a resource states its resourceType")
        return
    resource_id = resource.get("id")
    if not isinstance(resource_id, str) or not _ID.fullmatch(resource_id):
        yield Finding(f"{where}.id", "id", f"{shown(resource_id)} is no id")
    yield from check_values(where, resource)
    shape = shapes().get(kind)
    if shape is not None:
        yield from _check_shape(where, resource, shape)
    yield from _check_references(where, resource, shape, known)
    if kind == "Observation":
        yield from _check_observation(where, resource)


def _check_shape(where: str, resource: Element, shape: Shape) -> Iterator[Finding]:
    """Check names at the top, lists, choices, required elements and bound codes."""
    yield from _check_names(where, resource, shape)
    for choice, names in shape.choices.items():
        found = {name.removeprefix("_") for name in resource} & set(names)
        if len(found) > 1:
            message = f"only one of {', '.join(sorted(found))} may be there"
            yield Finding(f"{where}.{choice}[x]", "choice", message)
    for required in shape.required:
        yield from _check_required(where, resource, required)
    for bound, codes in shape.codes.items():
        for place, value in _at(where, resource, bound):
            if value not in (None, _EXPLAINED, *codes):
                yield Finding(place, "code", f"{shown(value)} is none of {', '.join(codes)}")


def _check_names(where: str, resource: Element, shape: Shape) -> Iterator[Finding]:
    choices = {name for names in shape.choices.values() for name in names}
    for name, value in resource.items():
        plain = name.removeprefix("_")
        if name != "resourceType" and plain not in shape.elements and plain not in choices:
            yield Finding(f"{where}.{name}", "element", "R4 has no such element here")
        elif (plain in shape.lists) is not isinstance(value, list):
            message = "is a list" if plain in shape.lists else "is no list"
            yield Finding(f"{where}.{name}", "cardinality", message)


def _check_required(where: str, resource: Element, required: str) -> Iterator[Finding]:
    for place, value in _at(where, resource, required):
        if value is None:
            yield Finding(place, "required", "is missing")


def _at(where: str, value: object, dotted: str) -> Iterator[tuple[str, object]]:
    """Yield every place of a dotted path; None stands for what is missing at its end."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _at(f"{where}[{number}]", item, dotted)
    elif not dotted:
        yield where, value
    elif isinstance(value, dict):
        name, _, rest = dotted.partition(".")
        below = value.get(name)
        if below is not None:
            yield from _at(f"{where}.{name}", below, rest)
        elif not rest:
            yield f"{where}.{name}", _EXPLAINED if f"_{name}" in value else None


def _check_references(
    where: str, resource: Element, shape: Shape | None, known: dict[str, str]
) -> Iterator[Finding]:
    """Check that references are to resources of this Bundle, and of a type that may be there."""
    allowed: dict[str, list[str]] = {}
    if shape is not None:
        for dotted, kinds in shape.references.items():
            allowed |= {place: kinds for place, _ in _at(where, resource, dotted)}
    inner = _contained(resource)
    for place, reference in _references(where, resource):
        target = reference.get("reference")
        if target is None or target in inner:
            continue
        kind = known.get(target) if isinstance(target, str) else None
        if kind is None:
            yield Finding(
                f"{place}.reference", "reference", f"{shown(target)} is not in the Bundle"
            )
            continue
        if reference.get("type", kind) != kind:
            message = f"{shown(reference['type'])} is stated, and it is a {kind}"
            yield Finding(f"{place}.type", "reference-type", message)
        if kind not in allowed.get(place, [kind]):
            message = f"a {kind} is none of {', '.join(allowed[place])}"
            yield Finding(place, "reference-type", message)


def _contained(resource: Element) -> set[str]:
    found = resource.get("contained")
    items = found if isinstance(found, list) else []
    return {f"#{item.get('id')}" for item in items if isinstance(item, dict)}


def _references(where: str, value: object) -> Iterator[tuple[str, Element]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _references(f"{where}[{number}]", item)
    elif isinstance(value, dict):
        if "reference" in value:
            yield where, value
        for name, item in value.items():
            yield from _references(f"{where}.{name}", item)


def _check_observation(where: str, resource: Element) -> Iterator[Finding]:
    has_value = any(name.startswith("value") for name in resource)
    if has_value and "dataAbsentReason" in resource:
        message = "there is a value, so none is absent"
        yield Finding(f"{where}.dataAbsentReason", "obs-6", message)
    ranges = resource.get("referenceRange")
    for number, item in enumerate(ranges if isinstance(ranges, list) else ()):
        if isinstance(item, dict) and not {"low", "high", "text"} & item.keys():
            message = "a reference range states low, high or a text"
            yield Finding(f"{where}.referenceRange[{number}]", "obs-3", message)
