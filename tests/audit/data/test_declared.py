"""What is declared about cells (marks, signs, encodings, sheets, labels), and what is noticed."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.data.formats.decoding import decode
from evenhand.audit.data.grouping import asks_for_bins, bins_of, group_names
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.data.written.declared import Reading, make_reading, parse_bins, parts_of
from evenhand.audit.data.written.encodings import guesses
from evenhand.audit.data.written.numbers import disguise, dressed
from evenhand.audit.errors import InputError


def table(tmp_path: Path, text: str | bytes, name: str = "d.csv", **declared: object):  # type: ignore[no-untyped-def]
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(path, make_reading(declared, "the test"), answers=("y",))


@pytest.mark.parametrize(
    ("cells", "declared"),
    [
        (["1.234,50", "0,66", "12"], {"decimal": ","}),
        (["1,234.50", "0.66", "12"], {"decimal": "."}),
        (["€ 1.234,50", "€ 0,66", "€ 12"], {"types": {"x": "number"}}),
        (["$1,234.50", "$0.66", "$12"], {"types": {"x": "number"}}),
        (["123450 %", "66 %", "1200 %"], {"types": {"x": "number"}}),  # shares: 12 is 1200 %
        (["1 234,50", "0,66", "12"], {"decimal": ","}),
        (["1'234.50", "0.66", "12"], {"decimal": "."}),
    ],
)
def test_numbers_in_disguise_are_noticed_and_the_remedy_reads_them(
    tmp_path: Path, cells: list[str], declared: dict[str, object]
) -> None:
    text = "x;y\n" + "".join(f"{c};1\n" for c in cells)
    plain = table(tmp_path, text)
    assert plain.types["x"] == "text"
    (note,) = plain.said
    assert "x looks like numbers" in note and "(3 of 3 cells)" in note
    assert all(f"--{name}" in note for name in declared)
    assert table(tmp_path, text, **declared).frame["x"].tolist() == [1234.5, 0.66, 12.0]


def test_a_sign_that_may_be_either_has_to_be_declared(tmp_path: Path) -> None:
    text = 'x;y\n"1,234";1\n"5,678";0\n'
    assert "--decimal , (--decimal .)" in table(tmp_path, text).said[0]
    with pytest.raises(InputError, match="thousands or of decimals"):
        table(tmp_path, text, types={"x": "number"})
    assert table(tmp_path, text, decimal=",").frame["x"].tolist() == [1.234, 5.678]
    assert table(tmp_path, text, decimal=".").frame["x"].tolist() == [1234, 5678]


def test_codes_and_names_are_no_numbers() -> None:
    for cells in (["02139", "1.000"], ["F", "M"], ["18-25"], ["2020-01-02"], ["ABC1", "ABD2"]):
        assert disguise(cells) is None, cells
    assert dressed("EUR 5") is not None and dressed("ABC 5") is None


def test_two_currencies_are_not_one_number(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not comparable"):
        table(tmp_path, "x,y\n$5,1\n€7,0\n", types={"x": "number"})


@pytest.mark.parametrize("mark", ["?", "-999", "None", "n/a", "not disclosed"])
def test_a_mark_of_missing_is_noticed_and_declared_it_is_missing(tmp_path: Path, mark: str) -> None:
    """The same as pandas.read_csv(na_values=mark) reads."""
    ages = [str(a) for a in range(20, 60)]
    rows = [f"{age},{n % 2}\n" for n, age in enumerate(ages)] + [f"{mark},1\n", f"{mark},0\n"]
    text = "age,y\n" + "".join(rows)
    assert "--missing" in table(tmp_path, text).said[0]
    ours = table(tmp_path, text, missing=[mark]).frame["age"]
    theirs = pd.read_csv(io.StringIO(text), na_values=[mark])["age"]
    assert ours.isna().sum() == 2
    np.testing.assert_array_equal(ours.to_numpy(float), theirs.to_numpy(float))
    of_one = table(tmp_path, text, missing=[f"age:{mark}"]).frame["age"]
    np.testing.assert_array_equal(of_one.to_numpy(float), theirs.to_numpy(float))
    assert table(tmp_path, text, missing=[f"y:{mark}"]).frame["age"].notna().all()


def test_marks_mean_the_same_in_typed_files(tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": [20, -999, 40], "edu": ["None", "MSc", "?"], "y": [0, 1, 1]})
    path = tmp_path / "d.parquet"
    frame.to_parquet(path)
    made = read_table(path, Reading(missing=("-999", "?"))).frame
    assert made["age"].isna().tolist() == [False, True, False]
    assert made["edu"].isna().tolist() == [False, False, True]


def test_texts_that_look_alike_are_noticed_quoted_and_made_one(tmp_path: Path) -> None:
    composed, decomposed = "José", "Jose\u0301"
    names = ["F", "F ", "f", "F", "M", composed, decomposed]
    text = "sex,y\n" + "".join(f"{n},1\n" for n in names)
    said = table(tmp_path, text).said
    assert "values of sex look alike: 'F', 'F ', 'f'" in said[0]
    assert "'Jos\\xe9'" in said[1] or "'Jose\\u0301'" in said[1]
    made = table(tmp_path, text, labels={"sex:F ": "F", "sex:f": "F"})
    assert made.frame["sex"].tolist()[:5] == ["F", "F", "F", "F", "M"]
    answers = table(tmp_path, "sex,y\nF,Yes \nM,Yes\nF,0\n", labels={"Yes ": "Yes", "0": "No"})
    assert answers.frame["y"].tolist() == ["Yes", "Yes", "No"]
    assert answers.frame["sex"].tolist() == ["F", "M", "F"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "name,y\nMüller – Köln,1\n"),
        ("latin-1", "name,y\nprénom élève,1\n"),
        ("utf-16-le", "name,y\nMüller,1\n"),
        ("utf-16-be", "name,y\nMüller,1\n"),
        ("gb18030", "性别,结果\n男,是\n女,否\n"),
        ("big5", "性別,結果\n男,是\n女,否\n"),
        ("shift_jis", "性別,結果\n男性,はい\n女性,いいえ\n"),
        ("euc-kr", "성별,결과\n남자,예\n여자,아니오\n"),
        ("cp1250", "płeć,y\nmężczyzna,1\nkobieta,0\n"),
        ("cp1251", "пол,y\nмужчина,1\nженщина,0\n"),
        ("koi8-r", "пол,y\nмужчина,1\nженщина,0\n"),
    ],
)
def test_the_encoding_that_is_suggested_reads_the_file(
    tmp_path: Path, encoding: str, text: str
) -> None:
    raw = text.encode(encoding)
    with pytest.raises(InputError) as refused:
        table(tmp_path, raw)
    suggested = refused.value.remedy.split("--encoding ")[1].split(" ")[0].rstrip(";,")
    assert decode(raw, "d.csv", suggested)[0] == text
    assert guesses(b"\xff\xfe\xfa" * 3) == () or suggested


def test_controls_out_of_a_wrong_encoding_are_noticed() -> None:
    notes = decode("M “x”".encode("cp1252"), "d.csv", "latin-1")[1]
    assert any(getattr(n, "code", "") == "holds-controls" for n in notes)


@pytest.mark.parametrize(
    ("above", "said"),
    [("sep=;\n", "parts the cells"), ("Report 2024\n\n", "1 lines above the header"), ("", "")],
)
@pytest.mark.parametrize("filled", [False, True])
def test_what_stands_above_the_header_is_left_out_and_said(
    tmp_path: Path, above: str, said: str, filled: bool
) -> None:
    above = above.replace("2024\n", "2024;;\n") if filled else above
    made = table(tmp_path, above + "sex;y;p\nF;1;0\nM;0;1\n")
    assert made.frame.to_dict("list") == {"sex": ["F", "M"], "y": [1, 0], "p": [0, 1]}
    assert said in "; ".join(made.said)


@pytest.mark.parametrize(
    "title", ["Applicants, 2024", "Applicants, 2024, Berlin, HR", "Staff, old and new"]
)
def test_a_title_that_holds_the_delimiter_is_no_header(tmp_path: Path, title: str) -> None:
    made = table(tmp_path, f"{title}\nsex,y,p\nF,1,0\nM,0,1\nF,1,1\n")
    assert made.frame.to_dict("list") == {"sex": ["F", "M", "F"], "y": [1, 0, 1], "p": [0, 1, 1]}
    assert repr(title) in made.said[0]


def test_headers_and_rows_of_texts_are_no_titles(tmp_path: Path) -> None:
    years = table(tmp_path, "country,2019,2020\nChile,1,2\nPeru,3,4\n")
    assert list(years.frame) == ["country", "2019", "2020"]
    texts = table(tmp_path, "one,2\nsex,y\nF,no\n")
    assert list(texts.frame) == ["one", "2"]
    with pytest.raises(InputError, match="line 2: 3 cells where the header has 2"):
        table(tmp_path, "x,y\nF,a,b\nM,c,d\n")


def test_the_line_of_a_bad_row_counts_what_stands_above(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 5: 1 cells where the header has 2") as refused:
        table(tmp_path, "Report 2024\n\nsex;y\nF;1\nM\n")
    assert "1 lines above the header" in str(refused.value)


def book(path: Path, **sheets: list[list[object]]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


ROWS: list[list[object]] = [["sex", "y"], ["F", 1], ["M", 0]]


def test_the_only_sheet_with_a_table_is_read(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", Cover=[["Made by HR"], ["in May"]], Data=ROWS)
    made = read_table(path)
    assert made.frame["sex"].tolist() == ["F", "M"]
    assert "sheet 'Data' of the workbook was read" in made.said[0]
    path = book(tmp_path / "c.xlsx", Cover=[["Made by HR"]], Data=ROWS, More=ROWS)
    with pytest.raises(InputError, match="holds no table") as refused:
        read_table(path)
    assert "--sheet Data" in refused.value.remedy
    assert read_table(path, Reading(sheet="More")).frame["sex"].tolist() == ["F", "M"]
    titled = book(tmp_path / "t.xlsx", Data=[["Report"], [], *ROWS])
    assert read_table(titled).frame["sex"].tolist() == ["F", "M"]


def test_errors_keep_the_notes_that_explain_them(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", One=ROWS, Two=ROWS)
    with pytest.raises(InputError) as refused:
        read_table(path).require(["score"], "score column")
    assert "the workbook has 2 sheets: 'One' was read" in str(refused.value)


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_arrow_of_polars_is_read(tmp_path: Path, kind: str) -> None:
    polars = pytest.importorskip("polars")
    path = tmp_path / "d.arrow"
    frame = polars.DataFrame({"sex": ["F", "M", None], "y": [1, 0, 1]})
    (frame.write_ipc if kind == "file" else frame.write_ipc_stream)(path)
    made = read_table(path).frame
    assert made["sex"].isna().tolist() == [False, False, True]
    assert made["y"].tolist() == [1, 0, 1]


def test_options_hold_commas_and_blanks_in_quotes() -> None:
    assert parts_of('age,"Gender, self-declared", "F "') == ["age", "Gender, self-declared", "F "]
    assert parse_bins(["age=18", "40", "income=quantiles:4"]) == {
        "age": ("18", "40"),
        "income": ("quantiles:4",),
    }


def test_a_name_with_a_comma_is_told_how_to_be_typed(tmp_path: Path) -> None:
    made = table(tmp_path, '"Gender, self-declared",y\nF,1\nM,0\n')
    with pytest.raises(InputError) as refused:
        made.require(["Gender"], "sensitive feature")
    assert '"Gender, self-declared"' in refused.value.remedy


def test_labels_of_both_columns_that_look_alike_get_one_word(tmp_path: Path) -> None:
    """Whatever is most frequent in either: what is declared of one holds of the other."""
    rows = ["Yes ,yes"] * 5 + ["yes,yes"] * 2 + ["No,no "] * 6
    path = tmp_path / "d.csv"
    path.write_text("y,p\n" + "".join(f"{r}\n" for r in rows))
    plain = read_table(path, answers=("y", "p"))
    words = dict(
        pair.rpartition("=")[::2]
        for note in plain.notes
        if note.code == "look-alike"
        for pair in parts_of(shlex.split(str(note.parameters["option"]))[1])
    )
    made = read_table(path, Reading(labels=words), answers=("y", "p")).frame
    assert sorted(set(made["y"]) | set(made["p"])) == ["No", "yes"]
    assert (made["y"] == made["p"]).all()
    reading = Reading(labels=words)
    assert reading.meant("Yes ", "y") == "yes" and reading.meant("no ", "y") == "No"


@pytest.mark.parametrize("kind", ["number", "date"])
def test_a_feature_of_many_numbers_or_dates_asks_for_bins(tmp_path: Path, kind: str) -> None:
    days = pd.date_range("1950-01-01", periods=60, freq="200D")
    cells = [str(18 + i) for i in range(60)] if kind == "number" else days.strftime("%d.%m.%Y")
    frame = table(tmp_path, "v,y\n" + "".join(f"{c},1\n" for c in cells)).frame
    (note,) = asks_for_bins(frame, ["v"], {})
    assert (note.parameters["n"], note.parameters["kind"]) == (60, kind)
    (asked, edges) = shlex.split(str(note.parameters["option"]))[:2]
    assert asked == "--bins"
    bins = bins_of(frame, ["v"], Reading(bins=parse_bins([edges])))
    names, _ = group_names(frame["v"], "v", Reading(), frame.columns, bins["v"])
    assert sorted(pd.Series(names).value_counts()) == [15, 15, 15, 15]
    assert asks_for_bins(frame, ["v"], bins) == ()
