"""Finds the places where a module can be changed a little, and makes each change.

What counts is behaviour: operators, conditions, numbers, codes, dropped statements, swapped
arguments. Words for people are left alone: text with a space in it, formatted text, annotations,
and all that a raised error is told but its code.
"""

from __future__ import annotations

import ast
import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)+")
_MESSAGE_MAKERS: Final = re.compile(r"(?:\w*Error|Refusal|Blocked|Finding)")
_LONGEST: Final = 60  # characters of each side of a change's description
_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_NO_SWITCHES: Final = frozenset({"frozen", "slots", "kw_only", "gc"})  # they hold programmers back
_ORDERINGS: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}


class Place(NamedTuple):
    """A node's place in its parent, and where the parent stands."""

    parent: ast.AST
    field: str
    at: int | None
    is_told: bool  # to an error: only codes count


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small change of one module.

    Attributes:
        module: The module's dotted name.
        scope: The outermost function that holds the change, or nothing for the module itself.
        line: Line of the source.
        change: What becomes what, unique within the scope.
        number: Its place in the list that ``mutants`` returns.
    """

    module: str
    scope: str
    line: int
    change: str
    number: int

    @property
    def name(self) -> str:
        """The name that stays the same while the function is not edited."""
        return f"{self.module}:{self.scope or '<module>'}: {self.change}"


class _Site(NamedTuple):
    scope: str
    line: int
    change: str
    place: Place
    new: ast.AST


def mutants(module: str, source: str) -> list[Mutant]:
    """Return every mutant of a module's source, in the order of the source."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for number, site in enumerate(_sites(ast.parse(source))):
        seen[site.scope, site.change] += 1
        times = seen[site.scope, site.change]
        change = site.change if times == 1 else f"{site.change} #{times}"
        found.append(Mutant(module, site.scope, site.line, change, number))
    return found


def mutated(source: str, number: int) -> ast.Module:
    """Return the tree of a source with the change of one mutant made."""
    tree = ast.parse(source)
    for place, site in enumerate(_sites(tree)):
        if place == number:
            parent, field, at, _told = site.place
            if at is None:
                setattr(parent, field, site.new)
            else:
                getattr(parent, field)[at] = site.new
            return ast.fix_missing_locations(tree)
    raise IndexError(number)


def _sites(tree: ast.Module) -> list[_Site]:
    """Return all changes; a list, so that making one does not disturb the search."""
    return list(_within(tree, "", inside=False, told=False))


def _within(node: ast.AST, scope: str, *, inside: bool, told: bool) -> Iterator[_Site]:
    """Yield the changes below a node.

    Args:
        node: The node.
        scope: Names of the classes and of the outermost function around it.
        inside: Whether that function is entered: then it is the scope of all that follows.
        told: Whether the node is told to an error.
    """
    told = told or isinstance(node, ast.Raise) or _tells(node)
    for place in _children(node, told=told):
        child = _child(place)
        entered = inside or (isinstance(node, ast.FunctionDef) and place.field == "body")
        here = scope
        if not entered and isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            here = f"{scope}.{child.name}" if scope else child.name
        where = here if entered else ""
        for new in _changes(child, place):
            text = f"{_words(child)} -> {_words(new)}"
            yield _Site(where, getattr(child, "lineno", 0), text, place, new)
        yield from _within(child, here, inside=entered, told=place.is_told)


def _tells(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and bool(
        isinstance(node.func, ast.Name) and _MESSAGE_MAKERS.fullmatch(node.func.id)
    )


_NO_BEHAVIOUR: Final = frozenset({"annotation", "returns", "ctx", "type_comment", "type_params"})


def _children(node: ast.AST, *, told: bool) -> Iterator[Place]:
    """Yield the places of what behaves below a node."""
    if isinstance(node, ast.JoinedStr) or _is_for_types(node):
        return
    for field, value in ast.iter_fields(node):
        if field in _NO_BEHAVIOUR:
            continue
        if isinstance(value, ast.AST):
            yield Place(node, field, None, told)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield Place(node, field, index, told)


def _is_for_types(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias"
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in {"TypeVar", "cast", "NewType"}
    if isinstance(node, ast.keyword):
        return node.arg in _NO_SWITCHES
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _child(place: Place) -> ast.AST:
    value = getattr(place.parent, place.field)
    node = value if place.at is None else value[place.at]
    if not isinstance(node, ast.AST):
        raise TypeError(place.field)
    return node


def _words(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


# ------------------------------------------------------------------------------------- the changes


def _changes(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place."""
    if place.is_told:
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and _CODE.fullmatch(value):
            yield ast.Constant(f"XX{value}")
        return
    if _is_condition(place):
        yield from _conditions(node, place)
    for kind, change in _BY_KIND.items():
        if isinstance(node, kind):
            yield from change(node, place)


def _is_condition(place: Place) -> bool:
    if place.field == "test":
        return isinstance(place.parent, (ast.If, ast.IfExp, ast.While))
    return place.field == "ifs"


def _conditions(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """A condition that always holds, and one that never does (a loop is not made endless)."""
    if isinstance(node, ast.Name) and node.id == "TYPE_CHECKING":
        return
    yield ast.Constant(value=False)
    if not isinstance(place.parent, ast.While):
        yield ast.Constant(value=True)


def _compare(node: ast.Compare, place: Place) -> Iterator[ast.AST]:
    for index, operator in enumerate(node.ops):
        if _is_condition(place) and not isinstance(operator, _ORDERINGS):
            continue  # to negate it is among the changes of a condition
        new = copy.deepcopy(node)
        new.ops[index] = _COMPARISONS[type(operator)]()
        yield new


def _junction(node: ast.BoolOp, _place: Place) -> Iterator[ast.AST]:
    new = copy.deepcopy(node)
    new.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield new
    for index in range(len(node.values)):
        less = copy.deepcopy(node)
        del less.values[index]
        yield less if len(less.values) > 1 else less.values[0]


def _negation(node: ast.UnaryOp, place: Place) -> Iterator[ast.AST]:
    is_not = isinstance(node.op, ast.Not) and not _is_condition(place)
    if is_not or isinstance(node.op, ast.USub):
        yield copy.deepcopy(node.operand)


def _arithmetic(node: ast.BinOp | ast.AugAssign, _place: Place) -> Iterator[ast.AST]:
    if type(node.op) in _ARITHMETIC and not _is_text(node):
        new = copy.deepcopy(node)
        new.op = _ARITHMETIC[type(node.op)]()
        yield new


def _is_text(node: ast.BinOp | ast.AugAssign) -> bool:
    """Whether words are joined: text is no arithmetic."""
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    return any(isinstance(side, ast.JoinedStr) for side in sides)


def _constant(node: ast.Constant, _place: Place) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(value=not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, bytes):
        yield ast.Constant(b"XX" + value)
    elif isinstance(value, str) and " " not in value:
        yield ast.Constant(f"XX{value}")


def _call(node: ast.Call, _place: Place) -> Iterator[ast.AST]:
    pair = node.args[:2]
    plain = len(pair) == 2 and not any(isinstance(item, ast.Starred) for item in pair)  # noqa: PLR2004 - a pair
    is_kind = isinstance(node.func, ast.Name) and node.func.id == "isinstance"
    if plain and not is_kind and ast.unparse(pair[0]) != ast.unparse(pair[1]):
        new = copy.deepcopy(node)
        new.args[0], new.args[1] = new.args[1], new.args[0]
        yield new


def _drop(_node: ast.AST, _place: Place) -> Iterator[ast.AST]:
    yield ast.Pass()


def _expression(node: ast.Expr, _place: Place) -> Iterator[ast.AST]:
    if isinstance(node.value, ast.Call):
        yield ast.Pass()


def _assignment(node: ast.Assign, _place: Place) -> Iterator[ast.AST]:
    if any(isinstance(target, (ast.Attribute, ast.Subscript)) for target in node.targets):
        yield ast.Pass()


def _answer(node: ast.Return, place: Place) -> Iterator[ast.AST]:
    value = node.value.value if isinstance(node.value, ast.Constant) else node.value
    if value is False:
        return  # None is as false as False, which becomes True elsewhere
    if value is not None:
        yield ast.Return(ast.Constant(None))
    elif not _is_last(place):
        yield ast.Pass()


def _is_last(place: Place) -> bool:
    """Whether a statement is a function's last, after which it returns None in any case."""
    if not isinstance(place.parent, ast.FunctionDef) or place.at is None:
        return False
    return place.field == "body" and place.at == len(place.parent.body) - 1


def _handler(node: ast.ExceptHandler, _place: Place) -> Iterator[ast.AST]:
    if isinstance(node.type, ast.Tuple):
        for index in range(len(node.type.elts)):
            new = copy.deepcopy(node)
            if isinstance(new.type, ast.Tuple):
                del new.type.elts[index]
            yield new


_BY_KIND: Final[dict[type[ast.AST], Callable[..., Iterator[ast.AST]]]] = {
    ast.Compare: _compare,
    ast.BoolOp: _junction,
    ast.UnaryOp: _negation,
    ast.BinOp: _arithmetic,
    ast.AugAssign: _arithmetic,
    ast.Constant: _constant,
    ast.Call: _call,
    ast.Raise: _drop,
    ast.Delete: _drop,
    ast.Expr: _expression,
    ast.Assign: _assignment,
    ast.Return: _answer,
    ast.ExceptHandler: _handler,
    ast.Break: lambda _node, _place: iter([ast.Continue()]),
    ast.Continue: lambda _node, _place: iter([ast.Break()]),
}
