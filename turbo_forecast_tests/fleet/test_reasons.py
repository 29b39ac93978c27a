"""Reasons of many series, folded by hand."""

import pytest

from turbo_forecast.fleet.reasons import folded


def of(*texts: str) -> list[tuple[int, str]]:
    return folded([(f"h{number}", "cpu", text) for number, text in enumerate(texts)])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["too short: 12 days, 60 needed"], [(1, "too short: 12 days, 60 needed")]),
        (
            ["too short: 12 days, 60 needed", "too short: 7 days, 60 needed"],
            [(2, "too short: 7 to 12 days, 60 needed")],
        ),
        (["at 9 %", "at 10.5 %", "at 10.25 %"], [(3, "at 9 to 10.5 %")]),
        (["last on 2025-06-18", "last on 2024-12-01"], [(2, "last on 2024-12-01 to 2025-06-18")]),
        (["lost 1,000 of 2", "lost 20 of 2"], [(2, "lost 20 to 1,000 of 2")]),
        (["at -3.5", "at 1e-05"], [(2, "at -3.5 to 1e-05")]),
        (["no figure", "no figure", "another"], [(2, "no figure"), (1, "another")]),
        # figures inside names are names
        (["web-01 fell", "web-02 fell"], [(1, "web-01 fell"), (1, "web-02 fell")]),
        (["AutoETS7 fell", "AutoETS8 fell"], [(1, "AutoETS7 fell"), (1, "AutoETS8 fell")]),
        (["version 1.2.3", "version 1.2.4"], [(1, "version 1.2.3"), (1, "version 1.2.4")]),
    ],
)
def test_texts_that_differ_in_figures_alone_are_one_and_show_their_range(
    texts: list[str], expected: list[tuple[int, str]]
) -> None:
    assert of(*texts) == expected


def test_a_series_counts_once_in_each_of_its_reasons() -> None:
    assert of("at 1; at 2; ets raised E: no", "at 5") == [(2, "at 1 to 5"), (1, "ets raised E: no")]


def test_the_name_of_the_series_itself_parts_no_reasons() -> None:
    found = folded([("a", "cpu", "no rows for a/cpu"), ("b7", "disk", "no rows for b7/disk")])
    assert found == [(2, "no rows for this series")]


def test_without_reasons_there_is_nothing_to_fold() -> None:
    assert folded([]) == []
