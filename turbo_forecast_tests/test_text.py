"""Names, messages and addresses are shown as the characters they are, wherever they come from."""

import html
import re

import pytest

from turbo_forecast.text import (
    LONGEST_SHOWN,
    markdown_text,
    one_line,
    printable,
    shown_location,
    shown_message,
    slack_text,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1fb", r"a\x1fb"),
        ("\x00", r"\x00"),
        ("line\nnext\r\tend", r"line\nnext\r\tend"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("gnp.\u202eexe", r"gnp.\u202eexe"),
        ("a\u2028b\ufeff\uffff", r"a\u2028b\ufeff\uffff"),
        ("Serverschrank 7, Köln, 東京 😀", "Serverschrank 7, Köln, 東京 😀"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def rendered(markdown: str) -> str:
    """What CommonMark shows of escaped text: an escaped punctuation character is itself, a reference its character."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown))


@pytest.mark.parametrize(
    "name",
    [
        "a|b",
        "a\\|b",
        "a\\",
        "<script>alert(1)</script>",
        "<!-- gone",
        "&lt;b&gt;",
        "[click](javascript:alert(1))",
        "![x](https://tracker.example/p.png)",
        "https://evil.example/a_b",
        "www.evil.example",
        "someone@evil.example",
        "*bold* _it_ ~~no~~ `code`",
        "# heading",
        "- item",
        "12. item",
        "1) item",
        "---",
        "===",
        "$x$",
        " pad  ded ",
    ],
)
def test_a_name_in_markdown_is_its_characters_and_nothing_else(name: str) -> None:
    escaped = markdown_text(name)
    assert rendered(escaped) == name
    assert not re.search(r"(?<![\\&])(\\\\)*[|`*_\[\]#~$@]", escaped)
    assert not re.search(r"[<>\n]|www\.|\w://|^[-+=]|^\d+[.)] ", escaped)


def test_ordinary_names_stay_legible_in_markdown() -> None:
    for name in ("web-01.example.org", "two words", "cpu, 3 %", "disk: C", "Köln/7"):
        assert markdown_text(name) == name


def test_a_long_name_is_cut_where_it_is_only_shown() -> None:
    shown = markdown_text("n" * 100_000)
    assert len(shown) == LONGEST_SHOWN
    assert shown.endswith("…")
    assert markdown_text("n" * LONGEST_SHOWN) == "n" * LONGEST_SHOWN


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://h.example/x.parquet?X-Amz-Signature=s3cret&e=1", "https://h.example/x.parquet"),
        ("https://bob:s3c@ret@h.example:8443/a/b@c.csv#s3cret", "https://h.example:8443/a/b@c.csv"),
        ("s3://key:s3cret@bucket/*.parquet", "s3://bucket/*.parquet"),
        ("AZ://container/x.parquet?sv=1&sig=s3'cret with space", "AZ://container/x.parquet"),
        ("postgres+ssl://me:s3cret@db", "postgres+ssl://db"),
        ("https://h.example?token=s3cret", "https://h.example"),
        ("data/h?st-[ab].csv", "data/h?st-[ab].csv"),
        ("file:///data/h?st#1.csv", "file:///data/h?st#1.csv"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_keys(location: str, shown: str) -> None:
    assert shown_location(location) == shown


def test_a_message_shows_every_address_without_its_keys() -> None:
    message = (
        'IO Error: cannot open "https://h.example/a.csv?sig=s3cret": HTTP 403 (tried s3://k:s3cret@b/c?d=s3cret, '
        "then gs://b/x.csv?s3cret). Is it there?"
    )
    assert shown_message(message) == (
        'IO Error: cannot open "https://h.example/a.csv": HTTP 403 (tried s3://b/c, then gs://b/x.csv). Is it there?'
    )
    assert shown_message("no file matches data/h?st#1.csv") == "no file matches data/h?st#1.csv"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines\r\n\tand  more ", "two lines and more"),
        ("a\u2028b\x1b[31m", r"a b\x1b[31m"),
        ("see https://user:word@host/file?signature=abc.", "see https://host/file."),
        ("x" * 20, "x" * 20),
        ("x" * 21, "x" * 19 + "…"),
        ("", ""),
    ],
)
def test_a_message_becomes_one_line_of_bounded_length(text: str, line: str) -> None:
    assert one_line(text, 20 if set(text) == {"x"} else 100) == line


@pytest.mark.parametrize("text", ["<!channel>", "<@U1|x>", "&lt;!here&gt;", "a & b", "&amp;", "plain"])
def test_slack_is_given_each_character_as_itself(text: str) -> None:
    assert html.unescape(slack_text(text)) == text  # Slack's references are three of HTML's
    assert not {"<", ">"} & set(slack_text(text))
