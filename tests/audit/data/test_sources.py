"""Declared types, encodings, databases: what is promised of each source of data."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.cli import run
from evenhand.audit.data.formats.database import without_secrets
from evenhand.audit.data.formats.limits import Limits
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.data.written.declared import Reading, parse_types
from evenhand.audit.errors import InputError, LimitError
from evenhand.audit.subject.subject import build_subject
from tests.evidence.postgres import server  # noqa: F401 - a fixture
from tests.hostile.tables import databases


def written(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


CELLS = "id,n,when,flag,code\n1,1.50,2026-01-31,yes,1\n2,,2026-02-01T10:00:00,no,2\n"


def test_declared_types_are_kept_to(tmp_path: Path) -> None:
    path = written(tmp_path, CELLS.replace("yes", "TRUE").replace("no", "0"))
    declared = {"id": "text", "n": "number", "when": "date", "flag": "boolean", "code": "category"}
    table = read_table(path, Reading(types=declared))
    frame = table.frame
    assert frame["id"].tolist() == ["1", "2"]
    assert frame["n"].iloc[0] == 1.5 and pd.isna(frame["n"].iloc[1])
    assert frame["when"].tolist() == [
        pd.Timestamp("2026-01-31"),
        pd.Timestamp("2026-02-01T10:00:00"),
    ]
    assert frame["flag"].tolist() == [True, False]
    assert frame["code"].tolist() == ["1", "2"]
    assert table.types == declared


def test_a_number_declared_to_be_text_keeps_its_digits(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1.50,2\n0007,3\n")
    assert read_table(path).frame["a"].tolist() == ["1.50", "0007"]  # a leading zero is a code
    plain = written(tmp_path, "a,b\n1.50,2\n7,3\n")
    assert read_table(plain).frame["a"].tolist() == [1.5, 7.0]
    assert read_table(plain, Reading(types={"a": "text"})).frame["a"].tolist() == ["1.50", "7"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("number", "column 'x', row 3: 'many' is no number, as declared (2 such cells)"),
        ("date", "column 'x', row 1: '1' is no date"),
        ("boolean", "column 'x', row 2: '2' is no truth value"),
    ],
)
def test_a_cell_of_another_type_is_named(tmp_path: Path, kind: str, words: str) -> None:
    path = written(tmp_path, "x,y\n1,a\n2,a\nmany,a\nfew,a\n")
    with pytest.raises(InputError) as said:
        read_table(path, Reading(types={"x": kind}))
    assert words in str(said.value)


def test_types_of_columns_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'agee', which is not a column"):
        read_table(written(tmp_path, "age\n1\n"), Reading(types={"agee": "number"}))
    assert parse_types(["age=number", "a=b=text"]) == {"age": "number", "a=b": "text"}
    with pytest.raises(InputError, match="types: number, category, text, boolean, date"):
        parse_types(["age=integer"])


def test_short_rows_and_blank_lines_are_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 3: 1 cells where the header has 2"):
        read_table(written(tmp_path, "a,b\n1,2\n3\n"))
    table = read_table(written(tmp_path, "a,b\n1,2\n\n3,4\n"))
    assert table.frame["a"].tolist() == [1, 3]
    assert table.said == ("1 blank lines were left out",)


def test_formulas_and_odd_names_are_noted(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "sex,Sex ,\nf,=1+1,-5\nm,-5,2\n"))
    assert list(table.frame.columns) == ["sex", "Sex", "column 3"]
    said = "; ".join(table.said)
    assert "the names of columns 'sex' and 'Sex' look alike" in said
    assert "column 3 has no name" in said
    assert (
        "column 'Sex' has 1 cells that a spreadsheet would run as a formula (first: row 1)" in said
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ann:s3cret@h:5/d#t", "postgresql://h:5/d#t"),
        ("postgresql://ann:s3/c:r@et@h/d#t", "postgresql://h/d#t"),
        ("mysql://h/d?user=a&password=s3cret#t", "mysql://h/d?user=a&password=***#t"),
        ("data/people.csv", "data/people.csv"),
    ],
)
def test_secrets_are_left_out_of_what_is_shown(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A SQLite file: a table of people, a view, an empty table."""
    path = tmp_path / "people.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE people (y INTEGER, yhat INTEGER, race TEXT, zip TEXT)")
        made.executemany(
            "INSERT INTO people VALUES (?, ?, ?, ?)",
            [(i % 2, i // 2 % 2, "ab"[i % 3 == 0], f"0{i:04d}") for i in range(60)],
        )
        made.execute("CREATE VIEW half AS SELECT * FROM people WHERE zip < '00030'")
        made.execute("CREATE TABLE nobody (y)")
    made.close()
    return path


def test_a_table_of_a_database_is_audited_like_a_file(people: Path, tmp_path: Path) -> None:
    frame = read_table(f"{people}#people").frame
    frame.to_csv(tmp_path / "people.csv", index=False)
    named = [
        "--target",
        "y",
        "--predicted",
        "yhat",
        "--positive-label",
        "1",
        "--sensitive-features",
        "race",
        "--quiet",
    ]
    told = []
    for number, source in enumerate((f"sqlite:///{people}#people", str(tmp_path / "people.csv"))):
        out = tmp_path / f"case{number}"
        checks = ["--checks", "fairness.gaps", "--out", str(out)]
        assert run(["audit", "--predictions", source, *named, *checks]) == 0
        told.append((out / "findings.jsonl").read_text())
        plan = json.loads((out / "plan.json").read_text())
        types = {"race": "text", "y": "number", "yhat": "number", "zip": "text"}
        assert plan["subject"]["data"]["columns"] == types
    assert told[0] == told[1]


def test_the_digest_of_a_table_is_that_of_its_rows(people: Path) -> None:
    first = read_table(f"sqlite:///{people}#people").digest
    with sqlite3.connect(people) as made:
        made.execute("CREATE TABLE turned AS SELECT * FROM people ORDER BY zip DESC")
    made.close()
    assert read_table(f"sqlite:///{people}#turned").digest == first
    assert read_table(f"sqlite:///{people}#half").digest != first


def test_the_database_is_left_as_it_was(people: Path) -> None:
    from evenhand.audit.data.formats.sqlite import connect

    before = people.read_bytes()
    made = connect(people, Limits())
    for statement in (
        "DELETE FROM people",
        "CREATE TABLE x (y)",
        "ATTACH '/tmp/other.db' AS o",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = WAL",
        "SELECT load_extension('x')",
        "VACUUM INTO '/tmp/copy.db'",
    ):
        with pytest.raises(sqlite3.DatabaseError):
            made.execute(statement)
    made.close()
    assert people.read_bytes() == before
    assert [p.name for p in people.parent.glob("people.db*")] == ["people.db"]


def test_names_come_from_the_database_alone(people: Path) -> None:
    with pytest.raises(InputError, match="holds 3 tables and views: which one"):
        read_table(people)
    with pytest.raises(InputError, match="did you mean: people"):
        read_table(f"{people}#peopl")
    with pytest.raises(InputError, match="has no table 'people WHERE 1=1'"):
        read_table(f"sqlite:///{people}#people WHERE 1=1")
    with pytest.raises(InputError, match="has no schema 'other'"):
        read_table(f"sqlite:///{people}#other.people")
    assert len(read_table(f"sqlite:///{people}#main.people").frame) == 60
    with pytest.raises(InputError, match="has no rows"):
        read_table(f"{people}#nobody")


def test_a_view_that_never_ends_is_interrupted(tmp_path: Path) -> None:
    found = dict(databases(tmp_path))
    with pytest.raises(LimitError, match=r"could not be read in 0\.3 seconds"):
        read_table(found["L.sqlite_endless"], limits=Limits(seconds=0.3))


def test_a_spec_finds_its_database_beside_itself(people: Path) -> None:
    from evenhand.audit.subject.subject_file import read_spec

    path = people.parent / "subject.yaml"
    path.write_text(
        "predictions: 'sqlite:///people.db#people'\ntarget: y\npredicted: yhat\n"
        "positive_label: 1\nsensitive_features: race\ntypes: {zip: number}\n"
    )
    subject = build_subject(read_spec(path))
    assert subject.table.source == f"sqlite:///{people}#people"
    assert subject.table.frame["zip"].tolist()[:3] == [0, 1, 2]


def test_postgresql_is_read_only_and_keeps_its_password(server: str, tmp_path: Path) -> None:  # noqa: F811
    """On a real server: types, schemas, quoting, the time limit, and no password anywhere."""
    from sqlalchemy import create_engine, make_url, text

    base = make_url(server).set(password="s3cret")
    if not base.database:
        base = base.set(database="postgres")
    url = base.render_as_string(hide_password=False)
    engine = create_engine(url)
    with engine.begin() as made:
        made.execute(text('CREATE SCHEMA "ho use"'))
        made.execute(
            text('CREATE TABLE "ho use"."pe;ople" (y int, yhat int, "ra%ce" text, p numeric)')
        )
        rows = [{"i": i % 2, "j": i // 2 % 2, "g": "ab"[i % 3 == 0]} for i in range(60)]
        made.execute(text('INSERT INTO "ho use"."pe;ople" VALUES (:i, :j, :g, 0.25)'), rows)
        made.execute(text("CREATE VIEW slow AS SELECT 1 AS y, pg_sleep(60)::text AS s"))
        made.execute(text("CREATE TABLE log (y int)"))
        made.execute(
            text(
                "CREATE FUNCTION writes() RETURNS int AS 'INSERT INTO log VALUES (1) RETURNING y' "
                "LANGUAGE sql"
            )
        )
        made.execute(text("CREATE VIEW sly AS SELECT writes() AS y"))
    engine.dispose()
    table = read_table(f"{url}#ho use.pe;ople")
    assert table.types == {"y": "number", "yhat": "number", "ra%ce": "text", "p": "number"}
    assert table.frame["p"].tolist() == [0.25] * 60
    assert "s3cret" not in table.source
    with pytest.raises(LimitError, match="could not be read in 1 seconds"):
        read_table(f"{url}#slow", limits=Limits(seconds=1))
    with pytest.raises(InputError, match="read-only transaction"):
        read_table(f"{url}#sly")
    out = tmp_path / "case"
    asked = ["audit", "--predictions", f"{url}#ho use.pe;ople", "--target", "y", "--quiet"]
    asked += ["--predicted", "yhat", "--positive-label", "1", "--sensitive-features", "ra%ce"]
    assert run([*asked, "--checks", "fairness.gaps", "--out", str(out)]) == 0
    for file in (*out.rglob("*"), *(tmp_path / "evenhand-home").rglob("*")):
        assert file.is_dir() or b"s3cret" not in file.read_bytes(), file
