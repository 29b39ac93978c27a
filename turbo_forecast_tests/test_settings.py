"""Settings: every option named where it is wrong, and a hash that changes with every number's cause."""

from pathlib import Path

import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.settings import ForecastSettings, Settings, TelemetrySettings, forecast_settings, load_settings

IDLE_OPTIONS = {
    *("workers", "chunk_size", "series_timeout_seconds"),
    *("max_fallback_share", "agreement_sample", "max_staleness_days"),
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
        ("forecast: {entrants: []}", "forecast.entrants"),
        ("forecast: {entrants: [prophet, prophet]}", "entrants are listed twice: prophet, prophet"),
        ("forecast: {folds: -1}", "forecast.folds"),
        ("forecast: {folds: 25}", "forecast.folds"),
        ("forecast: {outside: lstm.parquet}", "forecast.outside"),
        ("forecast: {outside: {lstm: 7}}", "forecast.outside.lstm"),
        ("forecast: {growth: cubic}", "growth must be one of logistic, linear, flat, not 'cubic'"),
        ("forecast: {floor: 5, cap: 5}", "floor"),
        ("forecast: 7", "forecast"),
        ("- a list", "valid dictionary"),
        ("telemetry: {statistic: median}", "statistic must be one of mean, p95, max, not 'median'"),
        ("telemetry: {statistics: {cpu: median}}", "statistics.cpu must be one of"),
        ("telemetry: {units: {cpu: parts}}", "units.cpu must be one of percent, fraction"),
        ("telemetry: {capacity: {net: 0}}", "capacity.net must be a positive number"),
        ("telemetry: {capacity: {net: .nan}}", "capacity.net must be a positive number"),
        ("telemetry: {overshoot_percent: 99}", "telemetry.overshoot_percent"),
        ("telemetry: {layout: tall}", "layout must be one of auto, long, wide"),
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
        "interval_width": 0.5,
        "changepoint_range": 0.5,
        "max_fallback_share": 0.5,
        "outside": {"lstm": "lstm.parquet"},
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
    settings = forecast_settings(entrants=["weighted", "prophet"], outside={"lstm": "l.parquet", "tft": "t.parquet"})
    assert settings.field_of_entrants == ["weighted", "prophet", "lstm", "tft", "seasonal_naive"]
    settings = forecast_settings(entrants=["seasonal_naive", "prophet"], outside={"lstm": "l.parquet"})
    assert settings.order_of_preference == ["prophet", "lstm", "seasonal_naive"]


def test_an_outside_model_that_is_named_among_the_entrants_takes_part_once_in_its_place() -> None:
    settings = forecast_settings(entrants=["lstm", "prophet"], outside={"lstm": "l.parquet"})
    assert settings.field_of_entrants == ["lstm", "prophet", "seasonal_naive"]


def test_combinations_are_not_among_those_who_forecast_by_themselves() -> None:
    settings = forecast_settings(entrants=["weighted", "median", "prophet"], outside={"lstm": "l.parquet"})
    assert settings.singles == ["prophet", "lstm", "seasonal_naive"]


def test_the_default_field_prefers_a_combination_and_ends_with_the_fallback() -> None:
    settings = ForecastSettings()
    assert settings.folds == 3
    assert settings.order_of_preference[0] == "weighted"
    assert settings.order_of_preference[-1] == settings.fallback == "seasonal_naive"
    assert set(settings.entrants) - set(settings.singles) == {"weighted", "median"}


@pytest.mark.parametrize("model", [ForecastSettings, TelemetrySettings])
def test_every_option_says_what_it_means(model: type[ForecastSettings] | type[TelemetrySettings]) -> None:
    silent = [name for name, field in model.model_fields.items() if not field.description]
    assert silent == []
