"""Mutation testing: which changes are found, and that each is made and named."""

import ast

import pytest
from mutation.sites import mutants, mutated


def changes(source):
    return {mutant.change for mutant in mutants("m", source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = b < c", {"b < c -> b <= c"}),
        ("a = b == c", {"b == c -> b != c"}),
        ("a = not b", {"not b -> b"}),
        ("a = b and c", {"b and c -> b or c", "b and c -> b", "b and c -> c"}),
        ("a = 4", {"4 -> 5"}),
        ("a = True", {"True -> False"}),
        ("a = b + c", {"b + c -> b - c"}),
        ("a = f(b, c)", {"f(b, c) -> f(c, b)"}),
        ("f(b)", {"f(b) -> pass"}),
        ("a.b = c", {"a.b = c -> pass"}),
        ("raise E(code)", {"raise E(code) -> pass"}),
        ("if a == b:\n    c = d", {"a == b -> False", "a == b -> True"}),
        ("while a:\n    b = c", {"a -> False"}),
        ("def f():\n    return a", {"return a -> return None"}),
        ("def f():\n    return\n    a", {"return -> pass"}),
        ("a = 'NO_SUCH_CODE'", {"'NO_SUCH_CODE' -> 'XXNO_SUCH_CODE'"}),
        (
            "raise Blocked('NO_CODE', 'word')",
            {
                "raise Blocked('NO_CODE', 'word') -> pass",
                "'NO_CODE' -> 'XXNO_CODE'",
            },
        ),
    ],
)
def test_a_change_of_behaviour_is_found(source, expected):
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "a = 'some words for people'",
        "a = f'at {b + 1}'",
        "'a docstring'",
        "a: Literal['x'] = b",
        "class A(Struct, frozen=True): pass",
        "if TYPE_CHECKING:\n    f(b)",
        "T = TypeVar('T')",
        "def f():\n    return None",
    ],
)
def test_words_and_types_are_no_behaviour(source):
    assert changes(source) == set()


def test_every_mutant_is_another_program_with_a_name_of_its_own():
    source = "class C:\n    def f(self):\n        return self.a < 1 or self.b < 1\n\nX = 1\n"
    found = mutants("m", source)
    programs = {ast.dump(mutated(source, mutant.number)) for mutant in found}

    assert len(programs) == len({mutant.name for mutant in found}) == len(found)
    assert ast.dump(ast.parse(source)) not in programs


def test_a_mutant_is_named_by_its_outermost_function():
    source = (
        "class C:\n    def f(self, x=1):\n        def g():\n            return 2\n        g()\n"
    )
    found = {mutant.change: mutant.scope for mutant in mutants("m", source)}

    assert found == {
        "1 -> 2": "",
        "return 2 -> return None": "C.f",
        "2 -> 3": "C.f",
        "g() -> pass": "C.f",
    }


def test_the_same_change_twice_is_told_apart():
    assert changes("a = 1 + b + 1") >= {"1 -> 2", "1 -> 2 #2"}
