"""A settings file's YAML: what it means, and one sentence for every kind of file that is none."""

import math
from pathlib import Path

import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.yaml_file import MAX_BYTES, read_yaml


def written(folder: Path, raw: str | bytes) -> Path:
    path = folder / "settings.yaml"
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 3", 3),
        ("a: 010", 10),
        ("a: -7", -7),
        ("a: 1e-3", 0.001),
        ("a: 1e12", 1e12),
        ("a: .5", 0.5),
        ("a: .inf", math.inf),
        ("a: yes", True),
        ("a: Off", False),
        ("a:", None),
        ("a: ~", None),
        ("a: 2025-12-31", "2025-12-31"),
        ("a: 12:30", "12:30"),
        ("a: '3'", "3"),
        ('a: "no"', "no"),
        ("a: |\n  two\n  lines\n", "two\nlines\n"),
        ("a: [1, x, {b: 2}]", [1, "x", {"b": 2}]),
        ("a: {1: x, no: y}", {"1": "x", "no": "y"}),
    ],
)
def test_a_value_means_what_a_person_reads(text: str, value: object, tmp_path: Path) -> None:
    found = read_yaml(written(tmp_path, text)).values["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("raw", ["", "\n\n", "# a comment\n", "---\n", b"\xef\xbb\xbf"])
def test_a_file_without_content_says_nothing(raw: str | bytes, tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, raw)).values is None


def test_the_line_of_every_option_is_known(tmp_path: Path) -> None:
    lines = read_yaml(written(tmp_path, "# first\na:\n  b: 1\n\n  c: {d: 2}\n")).lines
    assert lines == {("a",): 2, ("a", "b"): 3, ("a", "c"): 5, ("a", "c", "d"): 5}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("a: 1\nb: 2\na: 3", "a is given twice, in line 1 and in line 3"),
        ("a:\n  b: 1\n  'b': 2", "a.b is given twice, in line 2 and in line 3"),
        ("a: {b: {c: 1, c: 1}}", "a.b.c is given twice"),
        ("a: {}\na: {}", "a is given twice"),
        ("[" * 3000 + "]" * 3000, "line 1: values are nested more than 6 levels deep"),
        ("{a: " * 3000 + "1" + "}" * 3000, "nested more than 6 levels"),
        ("\n".join(" " * n + "a:" for n in range(400)), "line 8: values are nested more than 6 levels"),
        ("- " * 3000 + "x", "nested more than 6 levels"),
        ("{" * 3000 + "}" * 3000, "line 1: what stands before a colon must be a name"),
        ("? [a]\n: 1", "line 1: what stands before a colon must be a name"),
        ("a: " + "9" * 5000, "line 1: a number of 5,000 characters"),
        ("x: 1\na: -" + "1" * 4301, "line 2: a number of 4,302 characters"),
        ("a: 0." + "3" * 100_000, "a number of 100,002 characters"),
        ("a: &x [1]\nb: *x", "line 2: *x is an alias; write the value itself"),
        ("a: &a [*a, *a]", "*a is an alias"),
        ("a: {<<: *b}", "*b is an alias"),
        ("a: !!python/object/apply:os.system [ls]", "the tag tag:yaml.org,2002:python/object/apply:os.system has no"),
        ("a: !!binary aGk=", "has no meaning in a settings file"),
        ("a: !!int '3'", "has no meaning in a settings file"),
        ("a: !mine {b: 1}", "the tag !mine has no meaning"),
        ("!!str a: 1", "what stands before a colon must be a name"),
        ("a: 1\n---\nb: 2", "line 2: a second document begins"),
        ("a: 1\n...\n---\n", "a second document begins"),
        ("a: [1, 2", "is not YAML (line 1: "),
        ("a:\n\t- b", "is not YAML (line 2: "),
        ("a: 'b", "is not YAML (line 1: "),
        ("a: b\0c", "is not YAML (the character U+0000 at position 4 cannot be in a text)"),
        (b"a: \xff", "is not a text file in UTF-8"),
        ("a: 1".encode("utf-16"), "is not a text file in UTF-8"),
        (b"#" * (MAX_BYTES + 1), "is longer than 250,000 bytes"),
    ],
)
def test_what_settings_have_no_use_for_is_one_sentence_that_names_the_file(
    raw: str | bytes, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path, raw)
    with pytest.raises(SettingsError) as caught:
        read_yaml(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message
    assert len(message) - len(str(path)) < 250


def test_a_folder_a_device_and_a_file_that_is_not_there_are_named(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path, "Is a directory"),
        (Path("/dev/zero"), "is longer"),
        (tmp_path / "x", "No such file"),
    ):
        with pytest.raises(SettingsError, match=said) as caught:
            read_yaml(path)
        assert str(caught.value).startswith(str(path))
