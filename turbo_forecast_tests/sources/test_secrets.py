"""Secrets of sources: where they are read, and that none is shown."""

import base64
from pathlib import Path

import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.sources.secrets import redacted, secret

PLANTED = "s3cr3t/with space+"


def test_a_secret_is_read_from_the_environment_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_PASSWORD", PLANTED)
    assert secret("password", variable="FLEET_PASSWORD") == PLANTED
    monkeypatch.setenv("FLEET_PASSWORD", "another")
    assert secret("password", variable="FLEET_PASSWORD") == "another"


def test_a_secret_in_a_file_may_end_in_a_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(PLANTED + "\n")
    assert secret("token", file=str(tmp_path / "token")) == PLANTED


def test_without_variable_and_file_there_is_no_secret() -> None:
    assert secret("password") is None


def test_a_secret_that_cannot_be_read_is_refused_by_the_name_of_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.setenv("EMPTY", " ")
    monkeypatch.setenv("LINES", f"{PLANTED}\n{PLANTED}")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "endless").write_bytes(b"x" * 70_000)
    for variable, file, sentence in [
        ("NOT_SET", "", "sources.fleet: token_env: the environment's variable NOT_SET is not set"),
        ("EMPTY", "", "variable EMPTY is empty"),
        ("LINES", "", "variable LINES holds more than one line"),
        ("", str(tmp_path / "absent"), "cannot be read: No such file or directory"),
        ("", str(tmp_path), "cannot be read: Is a directory"),
        ("", str(tmp_path / "binary"), "is no text in UTF-8"),
        ("", str(tmp_path / "endless"), "has more than 65,536 bytes"),
    ]:
        with pytest.raises(SettingsError) as caught:
            secret("sources.fleet: token", variable=variable, file=file)
        assert sentence in str(caught.value)
        assert PLANTED not in str(caught.value)


def test_redaction_takes_out_every_form_in_which_a_secret_is_sent() -> None:
    forms = [
        PLANTED,
        "s3cr3t%2Fwith%20space%2B",
        "s3cr3t%2Fwith+space%2B",
        base64.b64encode(PLANTED.encode()).decode(),
    ]
    text = redacted(" and ".join(forms), [PLANTED, ""])
    assert text == "[secret] and [secret] and [secret] and [secret]"
