"""YAML from strangers: plain data within limits, errors with file and line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from evenhand.audit.errors import InputError
from evenhand.audit.files import safe_yaml


def test_values_and_lines() -> None:
    document = safe_yaml.parse(b"a: 1\nb:\n- c: 2026-01-02\n- d: [x, y]\n", "f.yaml")
    assert document.data == {"a": 1, "b": [{"c": date(2026, 1, 2)}, {"d": ["x", "y"]}]}
    assert document.line(("a",)) == 1
    assert document.line(("b", 0, "c")) == 3
    assert document.line(("b", 1, "d", 1)) == 4
    # an unknown part has the line of what is around it
    assert document.line(("b", 1, "gone")) == 4


def test_norway_is_not_false_and_true_is_true() -> None:
    assert safe_yaml.parse(b"[NO, yes, on, Off, true, False]", "f").data == [
        "NO",
        "yes",
        "on",
        "Off",
        True,
        False,
    ]


def test_numbers_without_a_dot_are_numbers() -> None:
    assert safe_yaml.parse(b"[1e-6, -2E3, 1.0e-6, 12, 1e, e5]", "f").data == [
        1e-6,
        -2000.0,
        1e-6,
        12,
        "1e",
        "e5",
    ]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"a: 1\nb: [1\nc: 2\n", "malformed YAML at f.yaml line 3 column 2: "),
        (b"a: 1\nb: 2\na: 3\n", "line 3 column 1: the key 'a' appears twice"),
        (b"x:\n  a: 1\n  a: 1\n", "line 3 column 3: the key 'a' appears twice"),
        (b"a: !!python/object/apply:os.system [ls]", "line 1 column 4: could not determine a"),
        (b"a: &x [*x]", "line 1 column 4: an alias inside its own anchor"),
        (b"a: 1\nb: \xff\n", "line 2 column 4: not UTF-8 text"),
        (b"a: 1\nb: \x00\n", "line 2 column 4: a character that YAML does not allow"),
        (b"[" * 40 + b"]" * 40, "column 33: more than 32 levels deep"),
        (b"a: &x 1\nb: [" + b"*x, " * 201 + b"]", "more than 200 aliases"),
        (b"a: 2026-13-45", "malformed YAML at f.yaml: month must be in"),
        (b"a: 1\n---\nb: 2\n", "but found another document"),
    ],
)
def test_refused_with_file_and_line(raw: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        safe_yaml.parse(raw, "f.yaml")
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    assert caught.value.remedy


def test_a_small_file_that_stands_for_billions_is_refused() -> None:
    # each level holds ten of the level before: 10^9 values in 300 bytes
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{i}: &a{i} [" + ",".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 9)]
    with pytest.raises(InputError, match=r"more than 100,000 values"):
        safe_yaml.parse("\n".join(lines).encode(), "f.yaml")


def test_size_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"larger than 1,048,576 bytes"):
        safe_yaml.parse(b"#" * (safe_yaml.MAX_BYTES + 1), "f.yaml")
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * (safe_yaml.MAX_BYTES + 1))
    with pytest.raises(InputError, match=r"larger than"):
        safe_yaml.read_bytes(big)
    with pytest.raises(InputError, match=r"no file at"):
        safe_yaml.read_bytes(tmp_path / "none.yaml")


def test_an_empty_file_is_nothing() -> None:
    assert safe_yaml.parse(b"", "f.yaml").data is None
