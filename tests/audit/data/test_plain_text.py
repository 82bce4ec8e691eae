"""Plain text files as tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.audit.data.reading.plain_text import is_plain_text, read_texts
from evenhand.audit.errors import InputError


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "words.txt"
    path.write_bytes(data)
    return path


def test_lines_and_passages(tmp_path: Path) -> None:
    path = write(tmp_path, b"one\r\n\r\ntwo\rthree\n")
    lines = read_texts(path)
    assert list(lines.frame["text"]) == ["one", "two", "three"]
    assert any("1 blank" in note for note in lines.said)
    # "one\n\ntwo\nthree\n" has 15 characters: passages of 6 are 6, 6 and 3
    passages = read_texts(path, passage=6)
    assert list(passages.frame["text"]) == ["one\n\nt", "wo\nthr", "ee\n"]
    assert passages.digest == lines.digest


def test_a_declared_encoding(tmp_path: Path) -> None:
    path = write(tmp_path, "café".encode("latin-1"))
    assert list(read_texts(path, encoding="latin-1").frame["text"]) == ["café"]
    with pytest.raises(InputError, match=r"byte 3 .line 1, column 4. is 0xe9") as caught:
        read_texts(path)
    assert "--encoding latin-1" in caught.value.remedy


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (b"", {}, "empty"),
        (b" \n\n", {}, "empty"),
        (b"a\0b", {}, "binary"),
        (b"text", {"encoding": "klingon"}, "not known"),
        (b"text", {"encoding": "rot13"}, "not known"),
        (b"text", {"passage": 0}, "passage=0"),
    ],
)
def test_bad_files(tmp_path: Path, data: bytes, options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_texts(write(tmp_path, data), **options)
    assert caught.value.remedy


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    write(tmp_path, b"text")
    with pytest.raises(InputError, match=r"words\.text") as caught:
        read_texts(tmp_path / "words.text")
    assert "words.txt" in caught.value.remedy
    with pytest.raises(InputError, match="folder"):
        read_texts(tmp_path)


def test_tables_are_told_by_name() -> None:
    assert is_plain_text("a/b.txt") and is_plain_text("README")
    assert not is_plain_text("b.CSV") and not is_plain_text(Path("b.jsonl"))
