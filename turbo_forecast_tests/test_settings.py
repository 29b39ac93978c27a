"""Settings: every option named where it is wrong, and a hash that changes with every number's cause."""

import zoneinfo
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from turbo_forecast.errors import SettingsError
from turbo_forecast.settings import (
    SECTIONS,
    ForecastSettings,
    Settings,
    TelemetrySettings,
    forecast_settings,
    load_settings,
    stored_forecast_settings,
    telemetry_settings,
)

IDLE_OPTIONS = {
    *("workers", "chunk_size", "series_timeout_seconds", "worker_memory_mb", "executor"),
    *("max_fallback_share", "agreement_sample", "max_staleness_days", "rows_months"),
}


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", ["", "# only a comment\n", "forecast: {}\n", "telemetry: {}\nforecast: {}\n"])
def test_a_silent_file_means_the_defaults(text: str, tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, text)) == Settings() == load_settings(None)


def test_a_file_sets_what_it_says(tmp_path: Path) -> None:
    text = "telemetry: {statistic: p95, capacity: {net: 125000}}\nforecast: {entrants: [seasonal_naive], workers: 3}\n"
    settings = load_settings(written(tmp_path, text))
    assert settings.telemetry.statistic == "p95"
    assert settings.telemetry.capacity == {"net": 125000.0}
    assert (settings.forecast.entrants, settings.forecast.workers) == (["seasonal_naive"], 3)
    assert settings.forecast.train_months == 32


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("forecast: {trian_months: 3}", "forecast.trian_months"),
        ("forcast: {}", "forcast"),
        ("forecast: {train_months: three}", "forecast.train_months"),
        ("forecast: {train_months: 0}", "forecast.train_months"),
        ("forecast: {interval_width: 1}", "forecast.interval_width"),
        ("forecast: {interval_widths: [0.5, 0.95]}", "interval_widths: 0.5, 0.95 must hold interval_width"),
        ("forecast: {interval_widths: [0.8, 0.8]}", "interval_widths: 0.8, 0.8 lists a width twice"),
        ("forecast: {interval_widths: []}", "forecast.interval_widths"),
        ("forecast: {interval_widths: [0.8, 1.2]}", "forecast.interval_widths"),
        ("forecast: {interval_widths: 0.8}", "forecast.interval_widths"),
        ("forecast: {entrants: []}", "forecast.entrants"),
        ("forecast: {entrants: [prophet, prophet]}", "entrants: 'prophet' is listed twice"),
        ("forecast: {folds: -1}", "forecast.folds"),
        ("forecast: {folds: 25}", "forecast.folds"),
        ("forecast: {external: lstm.parquet}", "forecast.external"),
        ("forecast: {external: {lstm: 7}}", "forecast.external.lstm"),
        ("forecast: {growth: cubic}", "forecast.growth (line 1): must be one of logistic, linear, flat, not 'cubic'"),
        ("forecast: {floor: 5, cap: 5}", "floor"),
        ("forecast: 7", "forecast"),
        ("- a list", "must be a mapping of options to values"),
        ("telemetry: {statistic: median}", "telemetry.statistic (line 1): must be one of mean, p95, max, not 'median'"),
        ("telemetry: {statistics: {cpu: median}}", "statistics.cpu must be one of"),
        ("telemetry: {units: {cpu: parts}}", "units.cpu must be one of percent, fraction"),
        ("telemetry: {capacity: {net: 0}}", "capacity.net must be a positive number"),
        ("telemetry: {capacity: {net: .nan}}", "telemetry.capacity.net (line 1): must be a finite number"),
        ("telemetry: {overshoot_percent: 99}", "telemetry.overshoot_percent"),
        ("telemetry: {layout: tall}", "telemetry.layout (line 1): must be one of auto, long, wide"),
        ("forecast: [1, 2", "is not YAML"),
        ("forecast:\n\t- tab", "is not YAML"),
    ],
)
def test_what_cannot_work_is_named_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    message = str(caught.value)
    assert said in message
    assert message.startswith(str(path))
    assert "\n" not in message
    assert "pydantic" not in message


def test_several_mistakes_are_all_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"forecast\.workers.*; .*telemetry.*|telemetry.*; .*forecast\.workers"):
        load_settings(written(tmp_path, "telemetry: {no: 1}\nforecast: {workers: -1}"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone.yaml: cannot be read .*No such file"):
        load_settings(tmp_path / "gone.yaml")


def test_keywords_are_checked_like_a_file() -> None:
    with pytest.raises(SettingsError, match="forecast settings: wrokers"):
        forecast_settings(wrokers=1)


NUMBERS = [
    (section, name, field.annotation)
    for section, options in SECTIONS.items()
    for name, field in options.model_fields.items()
    if field.annotation in (int, float)
]


@pytest.mark.parametrize(
    "value", [".nan", ".inf", "-.inf", "1.0e+300", "-1.0e+300", "yes", "'3'", "~", "[3]", "2025-01-01"]
)
@pytest.mark.parametrize(("section", "name", "kind"), NUMBERS)
def test_no_number_takes_what_is_none_or_is_beyond_all_sense(
    section: str, name: str, kind: type, value: str, tmp_path: Path
) -> None:
    path = written(tmp_path, f"# first line\n{section}:\n  {name}: {value}\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert f"{path}: {section}.{name} (line 3): must be " in str(caught.value)
    assert len(str(caught.value)) - len(str(path)) < 200


@pytest.mark.parametrize(
    ("section", "name"),
    [(section, name) for section, name, kind in NUMBERS if kind is int and section != "deployment"],  # no keywords
)
@pytest.mark.parametrize("value", [2.0, 10**12, pytest.param(10**5000, id="5,000 digits"), -(10**30), True])
def test_a_whole_number_is_whole_and_of_sensible_size(section: str, name: str, value: object) -> None:
    settings = forecast_settings if section == "forecast" else telemetry_settings
    with pytest.raises(SettingsError, match=f"{section} settings: {name}: must be ") as caught:
        settings(**{name: value})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"table": 2024}, "table.*must be text, not 2024; put it in quotes"),
        ({"host_column": True}, "host_column.*must be text, not True; put it in quotes"),
        ({"host_column": "a\0b"}, "host_column.*must not hold control characters"),
        ({"resources": "cpu"}, "resources.*must be a list, not 'cpu'"),
        ({"capacity": {"net": "125000"}}, "capacity.net.*must be a number, not '125000'; leave the quotes out"),
        ({"timezone": "Mars/Base"}, "timezone.*'Mars/Base' is not a zone; give one such as"),
        ({"timezone": "2025-13-45"}, "timezone.*is not a zone"),
        ({"timezone": "europe/berlin"}, "timezone.*did you mean Europe/Berlin"),
        ({"timezone": "Europe/Berlim"}, "timezone.*did you mean Europe/Berlin"),
        ({"timezone": "../../etc/passwd"}, "timezone.*is not a zone"),
        ({"timezone": "Europe"}, "timezone.*is not a zone"),
        ({"timezone": "+25:00"}, "timezone.*is not a zone"),
        ({"timezone": "localtime"}, "timezone.*is not a zone"),
        ({"memory_limit": "1KB"}, "memory_limit.*must be from 100MB to 1000TB"),
        ({"memory_limit": "99MB"}, "memory_limit.*must be from 100MB"),
        ({"memory_limit": "plenty"}, "memory_limit.*'plenty' is not a size such as 2GB"),
        ({"memory_limit": "-1"}, "memory_limit.*is not a size"),
        ({"memory_limit": "2"}, "memory_limit.*is not a size"),
        ({"memory_limit": "9999999PB"}, "memory_limit.*is not a size"),
    ],
)
def test_a_telemetry_option_of_the_wrong_kind_is_named(options: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(written(tmp_path, yaml.safe_dump({"telemetry": options})))


@pytest.mark.parametrize(
    "zone", ["", "UTC", "utc", "Z", "Europe/Berlin", "Asia/Kolkata", "+02:00", "-0330", "+14", "EST5EDT"]
)
def test_a_zone_is_utc_an_offset_or_one_of_the_iana_database(zone: str) -> None:
    assert TelemetrySettings(timezone=zone).timezone == zone


@pytest.mark.slow
def test_duckdb_knows_every_zone_that_is_accepted() -> None:
    known = {name for (name,) in duckdb.sql("SELECT name FROM pg_timezone_names()").fetchall()}
    accepted = set()
    for name in zoneinfo.available_timezones() | {"localtime", "Factory", "posixrules"}:
        with suppress(ValidationError):
            accepted.add(TelemetrySettings(timezone=name).timezone)
    assert len(accepted) > 400
    assert accepted <= known


@pytest.mark.parametrize("size", ["2GB", "1.5 GiB", "300mb", "100MB", "1TB"])
def test_a_memory_limit_that_is_accepted_is_one_to_duckdb(size: str) -> None:
    limit = TelemetrySettings(memory_limit=size).memory_limit
    with duckdb.connect() as con:
        con.execute(f"SET memory_limit = '{limit}'")


@pytest.mark.parametrize(
    ("options", "most"),
    [({"folds": 24}, 7), ({"folds": 8}, 7), ({"folds": 3, "train_months": 6}, 1), ({"folds": 1, "train_months": 4}, 0)],
)
def test_folds_that_are_asked_for_and_do_not_fit_are_refused(options: dict[str, int], most: int) -> None:
    windows = (
        "1 window of backtest_months .4. does"
        if options["folds"] == 1
        else f"{options['folds']} windows of backtest_months .4. do"
    )
    said = f"folds: {windows} not fit into train_months.*at most {most} do"
    with pytest.raises(SettingsError, match=said):
        forecast_settings(**options)
    assert forecast_settings(**{**options, "folds": most}).folds_held == most


def test_the_default_folds_give_way_to_a_short_training() -> None:
    assert forecast_settings(train_months=6).folds_held == 1
    assert forecast_settings().folds_held == 3


def test_training_days_that_no_training_holds_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"min_train_days: 400 days are more than train_months \(12\)"):
        forecast_settings(min_train_days=400, train_months=12)
    assert forecast_settings(train_months=1).min_train_days == 60


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("months_of_history", "train_months and backtest_months together"),
        ("trian_months", "did you mean train_months"),
        ("TrainMonths", "did you mean train_months"),
        *((name, "did you mean workers") for name in ("n_jobs", "processes", "num_workers", "workrs")),
        *((name, "did you mean horizon_months") for name in ("horizon", "periods", "horizon_month")),
        ("freq", "series have one value a day"),
        ("models", "did you mean entrants"),
        ("timezone", "it belongs under telemetry"),
        ("tz", "did you mean telemetry.timezone"),
        ("zzz", "is no option$"),
    ],
)
def test_an_option_that_is_none_names_the_one_that_was_meant(option: str, said: str) -> None:
    with pytest.raises(SettingsError, match=f"forecast settings: {option}:.*{said}"):
        forecast_settings(**{option: 3})


def test_an_option_in_the_wrong_section_is_sent_to_its_own(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"telemetry.workers \(line 1\): is no option here; it belongs under forecast"
    ):
        load_settings(written(tmp_path, "telemetry: {workers: 3}"))
    with pytest.raises(SettingsError, match=r"workers \(line 1\): is no option here; it belongs under forecast"):
        load_settings(written(tmp_path, "workers: 3"))


@pytest.mark.parametrize(
    ("options", "beside"),
    [
        ({}, []),
        ({"interval_width": 0.9}, []),
        ({"interval_widths": [0.95, 0.5, 0.8]}, [0.5, 0.95]),
        ({"interval_width": 0.9, "interval_widths": [0.9, 0.99]}, [0.99]),
    ],
)
def test_the_widths_beside_the_main_one_are_those_that_somebody_asked_for(
    options: dict[str, object], beside: list[float]
) -> None:
    assert forecast_settings(**options).extra_widths == beside


def test_keywords_may_be_what_people_have_at_hand() -> None:
    settings = forecast_settings(
        train_months=np.int64(24),
        interval_width=np.float32(0.5),
        entrants=("prophet",),
        external={"x": Path("x.parquet")},
    )
    assert (settings.train_months, settings.interval_width, settings.entrants) == (24, 0.5, ["prophet"])
    assert settings.external == {"x": "x.parquet"}


def test_many_mistakes_are_counted_and_the_first_told(tmp_path: Path) -> None:
    text = "forecast:\n" + "".join(f"  nonsense_{number}: 1\n" for number in range(500))
    with pytest.raises(SettingsError, match=r"nonsense_0 .*nonsense_2 .*; and 497 more$"):
        load_settings(written(tmp_path, text))


@pytest.mark.parametrize("name", sorted(set(ForecastSettings.model_fields) - IDLE_OPTIONS))
def test_the_hash_changes_with_every_option_that_decides_a_number(name: str) -> None:
    other: dict[str, object] = {
        "entrants": ["seasonal_naive"],
        "fallback": "prophet",
        "engine": "stan",
        "refit": False,
        "growth": "flat",
        "seasonality_mode": "multiplicative",
        "cap": 90.0,
        "floor": 1.0,
        "interval_widths": [0.8, 0.5],
        "interval_width": 0.5,
        "changepoint_range": 0.5,
        "max_fallback_share": 0.5,
        "external": {"lstm": "lstm.parquet"},
    }
    default = ForecastSettings()
    changed = default.model_copy(update={name: other[name] if name in other else getattr(default, name) + 1})
    assert getattr(changed, name) != getattr(default, name)
    assert changed.config_hash() != default.config_hash()


@pytest.mark.parametrize("name", sorted(IDLE_OPTIONS))
def test_the_hash_does_not_change_with_how_the_work_is_spread(name: str) -> None:
    default = ForecastSettings()
    assert default.model_copy(update={name: 7}).config_hash() == default.config_hash()


def test_the_fallback_always_takes_part_and_is_preferred_last() -> None:
    settings = forecast_settings(entrants=["prophet"])
    assert settings.field_of_entrants == settings.order_of_preference == ["prophet", "seasonal_naive"]
    settings = forecast_settings(entrants=["seasonal_naive", "prophet"])
    assert settings.field_of_entrants == ["seasonal_naive", "prophet"]
    assert settings.order_of_preference == ["prophet", "seasonal_naive"]


def test_outside_models_take_part_after_the_entrants_and_before_the_fallback() -> None:
    settings = forecast_settings(entrants=["weighted", "prophet"], external={"lstm": "l.parquet", "tft": "t.parquet"})
    assert settings.field_of_entrants == ["weighted", "prophet", "lstm", "tft", "seasonal_naive"]
    settings = forecast_settings(entrants=["seasonal_naive", "prophet"], external={"lstm": "l.parquet"})
    assert settings.order_of_preference == ["prophet", "lstm", "seasonal_naive"]


def test_an_outside_model_that_is_named_among_the_entrants_takes_part_once_in_its_place() -> None:
    settings = forecast_settings(entrants=["lstm", "prophet"], external={"lstm": "l.parquet"})
    assert settings.field_of_entrants == ["lstm", "prophet", "seasonal_naive"]


def test_combinations_are_not_among_those_who_forecast_by_themselves() -> None:
    settings = forecast_settings(entrants=["weighted", "median", "prophet"], external={"lstm": "l.parquet"})
    assert settings.base_models == ["prophet", "lstm", "seasonal_naive"]


def test_the_default_field_prefers_a_combination_and_ends_with_the_fallback() -> None:
    settings = ForecastSettings()
    assert settings.folds == 3
    assert settings.order_of_preference[0] == "weighted"
    assert settings.order_of_preference[-1] == settings.fallback == "seasonal_naive"
    assert set(settings.entrants) - set(settings.base_models) == {"weighted", "median"}


@pytest.mark.parametrize("model", [ForecastSettings, TelemetrySettings])
def test_every_option_says_what_it_means(model: type[ForecastSettings] | type[TelemetrySettings]) -> None:
    silent = [name for name, field in model.model_fields.items() if not field.description]
    assert silent == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("encoding: rot13", "encoding must be one such as utf-8"),
        ("encoding: klingon", "encoding must be one such as utf-8"),
        ("time_format: ISO", "time_format must be a strptime format"),
        ("skip_rows: -1", "skip_rows"),
        ("time_columns: [date]", "time_columns must name two different columns"),
        ("time_columns: [date, date]", "time_columns must name two different columns"),
        ("{time_columns: [date, clock], time_column: ts}", "time_column and time_columns are both set"),
    ],
)
def test_an_option_of_telemetry_that_cannot_work_is_named(tmp_path: Path, option: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(written(tmp_path, f"telemetry: {option}" if option[0] == "{" else f"telemetry:\n  {option}"))


def test_a_sources_query_may_have_lines(tmp_path: Path) -> None:
    query = "SELECT 1\nWHERE at >= :start AND at < :end\n"
    path = written(tmp_path, yaml.safe_dump({"sources": {"fleet": {"kind": "sql", "query": query}}}))
    assert load_settings(path).sources["fleet"]["query"] == query


def test_encodings_have_one_name_each() -> None:
    assert TelemetrySettings(encoding="UTF8").encoding == TelemetrySettings().encoding == "utf-8"


@pytest.mark.parametrize(
    "text",
    [
        f"telemetry: {{encoding: {'x' * 9000}}}",
        f"telemetry: {{time_format: {'x' * 9000}}}",
        f"telemetry: {{units: {{{'x' * 900}: percents}}}}",
        'telemetry: {statistics: {"a\\x1bb": mean}}',
        'telemetry: {resources: ["cpu", "a\\0b"]}',
        'telemetry: {table: "\\ud800"}',
        'telemetry: {table: "\\U00110000"}',
        'telemetry: {table: "\\UFFFFFFFF"}',
        '"a\\x1b[31mb": 1',
        "\u202eforecast: {}",
        "forecast:\n" + "".join(f"  {'y' * 100}{i}: 1\n" for i in range(4)),
        f"forecast: {{entrants: [{', '.join(['prophet'] * 5000)}]}}",
        f"telemetry: {{thousands: {'q' * 90}, on_future_dates: {'q' * 90}}}\nforecast: {{growth: {'q' * 90}}}",
    ],
)
def test_whatever_a_file_holds_the_sentence_is_short_and_printable(text: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) - len(str(path)) < 230


def test_what_is_no_path_is_no_settings_file() -> None:
    with pytest.raises(SettingsError, match="'a.x00b' is no path of a settings file"):
        load_settings(Path("a\0b"))


@pytest.mark.parametrize(("option", "value"), [("cap", 0.0), ("cap", -10.0), ("floor", 100.0), ("floor", 150.0)])
def test_prophets_bounds_leave_room_for_a_percentage(option: str, value: float) -> None:
    with pytest.raises(SettingsError, match=f"forecast settings: {option}: must be (more|less) than"):
        forecast_settings(**{"floor": -20.0, "cap": 200.0, option: value})


def test_choices_that_are_signs_are_told_in_quotes() -> None:
    with pytest.raises(SettingsError, match="""thousands: must be one of '', ',', '.', ' ', "'", not 'x'"""):
        telemetry_settings(thousands="x")


@pytest.mark.parametrize("capacity", [0.0, -5.0, 1e-300, 1e300])
def test_a_capacity_is_of_sensible_size(capacity: float) -> None:
    with pytest.raises(SettingsError, match="capacity.net must be a positive number of sensible size"):
        telemetry_settings(capacity={"net": capacity})


def test_a_former_name_of_an_option_is_refused_with_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("forecast:\n  outside: {lstm: lstm.parquet}\n")
    said = "is called external now; write external in its place"
    with pytest.raises(SettingsError, match=rf"forecast\.outside \(line 2\): {said}$"):
        load_settings(path)
    with pytest.raises(SettingsError, match=f"outside: {said}$"):
        forecast_settings(outside={"lstm": "lstm.parquet"})


def test_what_a_month_has_stored_under_a_former_name_is_read() -> None:
    stored = forecast_settings(folds=2).model_dump(mode="json")
    stored["outside"] = {"lstm": "lstm.parquet"}
    del stored["external"]
    found = stored_forecast_settings(stored)
    assert (found.external, found.folds) == ({"lstm": "lstm.parquet"}, 2)


@pytest.mark.parametrize(
    ("options", "digest"), [({}, "13e6f0e0303a"), ({"external": {"lstm": "l.parquet"}}, "5779910bd79a")]
)
def test_the_hash_of_the_same_settings_is_what_earlier_versions_made(options: dict[str, Any], digest: str) -> None:
    """Of the version before `outside` was called `external`; other defaults make others."""
    assert forecast_settings(**options).config_hash() == digest
