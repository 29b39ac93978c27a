"""What stands above a CSV's header is skipped where that is known, and said where it is not; columns have one name each."""

import re
from datetime import date

import pytest

ROWS = ["a,2025-01-01,50", "a,2025-01-02,60"]
HEADER = "host,time,cpu"
READ = [("a", "cpu", date(2025, 1, 1), 50.0), ("a", "cpu", date(2025, 1, 2), 60.0)]


@pytest.mark.parametrize(
    "top",
    [
        ["sep=,"],
        ["SEP=,", ""],
        ["\ufeffsep=,"],
        ["", "   "],
        ["# exported by a tool", "# at, some, time"],
        ["#", "", "# two blocks", ""],
        ["sep=,", "# and a comment"],
    ],
)
def test_known_lines_above_the_header_are_skipped(csv, read, top):
    assert read(csv(*top, HEADER, *ROWS)).rows == READ


@pytest.mark.parametrize(("line", "separator"), [("sep=;", ";"), ('"sep=\\t"', "\t"), ("sep=|", "|"), ("sep=^", "^")])
def test_a_sep_line_says_the_separator(csv, read, line, separator):
    lines = [text.replace(",", separator) for text in (HEADER, *ROWS)]
    assert read(csv(line, *lines)).rows == READ


def test_skipped_comments_are_told(csv, read):
    assert "2 comment lines above the header of" in read(csv("# one", "# two", HEADER, *ROWS)).report.notes[0]


def test_a_header_behind_a_comment_sign_is_the_header(csv, read):
    lines = [text.replace(",", ";") for text in ("# host,time,cpu", *ROWS)]
    assert read(csv("# made by sadf", *lines)).rows == READ


@pytest.mark.parametrize(
    ("top", "skip"),
    [
        (["Report,CPU", "Range,week"], 2),
        (["CPU of production", ""], 2),
        (["Name;x", "Unit;percent", "Hosts;1"], 3),
        (["a,b,c,d,e,f", "1,2,3,4,5,6"], 2),
    ],
)
def test_other_lines_above_the_header_need_skip_rows_and_the_sentence_says_so(csv, read, refusal, top, skip):
    path = csv(*top, HEADER, *ROWS, *ROWS[:0], "b,2025-01-01,5", "c,2025-01-01,5", "d,2025-01-01,5")
    sentence = refusal(path)
    assert "line 1 of" in sentence
    assert f"set skip_rows (to {skip}, say)" in sentence
    assert read(path, skip_rows=skip).rows[:2] == READ


def test_skipping_more_than_there_is_is_said(csv, refusal):
    assert "no line below the 9 that skip_rows skips" in refusal(csv(HEADER, *ROWS), skip_rows=9)


def test_skip_rows_without_any_csv_is_refused(parquet, refusal):
    path = parquet({"host": ["a"], "time": [date(2025, 1, 1)], "cpu": [5]})
    assert refusal(path, skip_rows=1).startswith("skip_rows is set to 1, but")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("host,time,cpu,cpu", "has the column 'cpu' twice"),
        ("host,time,cpu, cpu ", "has the column 'cpu' twice"),
        ("host,Host,cpu,time", "'Host' and the column 'host', which differ in case alone"),
        ("host,time,CPU,cpu", "'cpu' and the column 'CPU', which differ in case alone"),
        ("host,time,cpu,", "column 4 of 4 of .* has no name"),
        (",host,time,cpu", "column 1 of 4 of .* has no name"),
        ('host,time,"  ",cpu', "column 3 of 4 of .* has no name"),
    ],
)
def test_columns_that_cannot_be_told_apart_are_refused(csv, refusal, header, said):
    assert re.search(said, refusal(csv(header, "a,2025-01-01,5,6", "a,2025-01-02,5,6")))


def test_spaces_around_column_names_do_not_belong_to_them(csv, read):
    assert read(csv("host , time,\tcpu", *ROWS)).rows == READ


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\n", "has no header"),
        (b" \r\n\r\n", "has no header"),
        (b"# only a comment\n", "has no header"),
        (b"host,time,cpu", "has columns but not one row"),
        (b"host,time,cpu\r\n\r\n", "has columns but not one row"),
        (b"host,time,cpu\na\0b,2025-01-01,5\n", "byte 16 is NUL"),
        (b"host,time,cpu\n" + b"a,2025-01-01,5\n" * 200_000 + b"\0\0\0\0", "byte 3,000,015 is NUL"),
        (b'host,time,cpu\n"a,2025-01-01,5\nb,2025-01-01,5\n', "line 2 of .* a quote is opened and not closed"),
        (b'"host,time,cpu\na,2025-01-01,5\nb,2025-01-01,5\n', "the header, opens a quote that it does not close"),
        (b"host,time,cpu\na,2025-01-01,5\nb,2025-01-01\n", "line 3 of .* has 2 fields where the header has 3: 'b,2025"),
        (b"host,time,cpu\na,2025-01-01,5\nb,1,2,3\n", "line 3 of .* has 4 fields where the header has 3: 'b,1,2,3'"),
        (b"host,time,cpu\r\na,2025-01-01,5\nb,2025-01-01,5\n", "mixed line ends"),
        (b"host,time,cpu\n" + b"a" * 3_000_000 + b",2025-01-01,5\n", "longer than 2,000,000 characters"),
        (b"x" * 3_000_000, "first line of .* is longer than"),
        (b"x" * 3_000_000 + b"\nhost,time,cpu\na,2025-01-01,5\n", "first line of .* is longer than"),
        (b"sep=;\n" + b"x;" * 1_000_000 + b"\n1;2\n", "line 2 of .* is longer than"),
    ],
)
def test_what_is_no_table_of_text_is_one_readable_sentence(tmp_path, refusal, content, said):
    (tmp_path / "t.csv").write_bytes(content)
    assert re.search(said, refusal(tmp_path / "t.csv"))


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_any_line_end_is_read(tmp_path, read, end):
    (tmp_path / "t.csv").write_bytes(end.join([HEADER, *ROWS, ""]).encode())
    assert read(tmp_path / "t.csv").rows == READ


def test_the_separator_is_found_beside_decimal_commas(csv, read):
    path = csv("host;time;text;cpu", "a;2025-01-01;1,5;50", "a;2025-01-02;2,5;60")
    assert read(path, resources=["cpu"]).rows == READ


@pytest.mark.parametrize("end", [";", ";;", "; ;"])
def test_a_delimiter_at_the_end_of_every_line_is_no_column(csv, read, end):
    path = csv(f"host;time;cpu{end}", f"a;2025-01-01;5{end}", f"a;2025-01-02;6{end}")
    reading = read(path)
    assert [row[3] for row in reading.rows] == [5.0, 6.0]
    places = ", ".join(str(4 + place) for place in range(end.count(";")))
    assert f"left out column {places}: no name and no value" in reading.report.describe()


def test_files_of_different_widths_may_all_end_their_lines_in_a_delimiter(tmp_path, csv, read):
    csv("host;time;cpu;", "a;2025-01-01;5;", name="1.csv")
    csv("host;time;cpu;mem;", "a;2025-01-02;5;7;", name="2.csv")
    assert [row[1:] for row in read(tmp_path).rows] == [
        ("cpu", date(2025, 1, 1), 5.0),
        ("cpu", date(2025, 1, 2), 5.0),
        ("mem", date(2025, 1, 2), 7.0),
    ]


@pytest.mark.parametrize("rows_before", [0, 200])
def test_a_column_without_a_name_that_holds_something_is_refused_wherever_it_does(csv, refusal, rows_before):
    lines = ["a;2025-01-01;5;"] * rows_before
    assert "column 4 of 4 of" in refusal(csv("host;time;cpu;", *lines, "a;2025-01-02;6;7"))


@pytest.mark.parametrize("comment", ["# hosts;all;of them", "#;;", "# time;a;b"])
def test_a_comment_above_columns_named_by_numbers_is_no_header(csv, read, comment):
    path = csv(comment, "time;101;102", "2025-01-01;5;6", "2025-01-02;7;8")
    assert {row[0] for row in read(path, columns="hosts", resource="cpu").rows} == {"101", "102"}


def test_a_commented_header_above_rows_with_nothing_in_them_is_the_header(csv, read):
    path = csv("# host;time;cpu", "a;2025-01-01;NA", "a;2025-01-02;5")
    assert [row[3] for row in read(path).rows] == [5.0]
