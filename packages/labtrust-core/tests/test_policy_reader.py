"""The YAML reader knows JSON's types only, and refuses what could hide or harm."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.errors import PolicyError
from labtrust_core.policy.documents import MAX_BYTES, MAX_DEPTH, path_text, read_document


@pytest.fixture
def read(tmp_path):
    """Read a text as a policy file."""

    def reading(text):
        file = tmp_path / "document.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_document(file)

    return reading


def test_values_have_the_types_of_json(read):
    text = (
        "a: 1\nb: -0.5\nc: true\nd: null\ne: ~\nf: text\ng: '1'\nh: 2021-01-01\ni: yes\nj: 0x1F\n"
    )

    assert read(text).data == {
        "a": 1, "b": -0.5, "c": True, "d": None, "e": None, "f": "text", "g": "1",
        "h": "2021-01-01", "i": "yes", "j": "0x1F",
    }  # fmt: skip


def test_every_place_has_its_line(read):
    document = read("a:\n  b:\n    - x\n    - y\nc: 1\n")

    places = {path_text(path): line for path, line in document.lines.items()}
    assert places == {"": 1, "a": 1, "a.b": 2, "a.b[0]": 3, "a.b[1]": 4, "c": 5}


def test_line_of_a_missing_place_is_that_of_what_encloses_it(read):
    assert read("a:\n  b: 1\n").line_of(("a", "z", 3)) == 1


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "the file is empty"),
        ("# a comment\n", None, "the file is empty"),
        ("---\n", 1, "not a mapping"),
        ("- 1\n", 1, "not a mapping"),
        ("a: 1\nb: [\n", 3, "not valid YAML"),
        ("a: 1\na: 2\n", 2, "duplicate key"),
        ("a: &x 1\nb: *x\n", 1, "anchors and aliases"),
        ("a: 1\nb: *x\n", 2, "anchors and aliases"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "tags are not allowed"),
        ("a: !mine 1\n", 1, "tags are not allowed"),
        ("!mine a: 1\n", 1, "a key is not plain text"),
        ("a: 1\nb: 1.0e999\n", 2, "number too large"),
        ("a: 1\n---\nb: 2\n", 2, "more than one document"),
        ("? [1, 2]\n: 3\n", 1, "a key is not plain text"),
        ("a: 12345678901234567\n", 1, "integer too large"),
        (b"a: \xff\n", None, "not UTF-8"),
        ("a: \x00\n", None, "not valid YAML"),
    ],
)
def test_what_could_hide_or_harm_is_refused(read, text, line, message):
    with pytest.raises(PolicyError, match=message) as caught:
        read(text)

    assert caught.value.line == line
    assert caught.value.file.endswith("document.yaml")


def test_alias_bomb_is_refused_before_it_grows(read):
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]

    with pytest.raises(PolicyError, match="anchors and aliases"):
        read("\n".join(lines))


def test_oversized_file_is_refused_unread(read):
    with pytest.raises(PolicyError, match="too large"):
        read("a: " + "x" * MAX_BYTES)


def test_deep_nesting_is_refused(read):
    with pytest.raises(PolicyError, match="nested too deeply"):
        read("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(PolicyError, match=r"none\.yaml: cannot read the file"):
        read_document(tmp_path / "none.yaml")


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**14), 10**14)
    | st.text(st.characters(codec="ascii"))
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text("ab c"), inner), max_leaves=8
)


@given(st.dictionaries(st.text("xyz", min_size=1), VALUES))
def test_json_reads_as_itself(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "json_reads_as_itself.yaml"
    file.write_text(json.dumps(data))

    assert read_document(file).data == data
