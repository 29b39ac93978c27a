"""Names are split in one way or not at all."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import telemetry_settings
from turbo_forecast.storage.telemetry.presets.series_names import Series, SeriesNames


def names(pattern: str = "", **options: str) -> SeriesNames:
    return SeriesNames(telemetry_settings(preset="grafana", series_name=pattern, **options), "t.csv", labelled=True)


@pytest.mark.parametrize(
    ("pattern", "name", "host", "resource"),
    [
        ("{host} {resource}", "web-1 cpu", "web-1", "cpu"),
        ("{resource} of {host}", "cpu of web 1", "web 1", "cpu"),
        ("{host}.{any}.{resource}", "web.x.cpu", "web", "cpu"),
        ('{resource}{instance="{host}:9100", job="{any}"}', 'cpu{instance="a.b:9100", job="x"}', "a.b", "cpu"),
        ("[{host}] (.*) {resource}", "[a] (.*) cpu", "a", "cpu"),
        ("", 'up{instance="a:1",job="x\\"y"}', "a:1", "up"),
        ("", '{__name__="cpu", host="a", instance="a"}', "a", "cpu"),
    ],
)
def test_a_name_is_read_as_its_pattern_says(pattern, name, host, resource):
    assert names(pattern).series(name) == Series(host, resource)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["{host} {resource}", "{host} {any} {resource}", "x{host}x{resource}"]), st.text("ax ", max_size=8)
)
def test_a_name_is_taken_exactly_where_one_split_of_all_fits(pattern, name):
    """All splits are tried one by one: a separator at every place where it can stand."""
    between = [re.sub(r"\{\w+\}", "\0", pattern).split("\0")][0]
    prefix, inner = between[0], between[1:-1]

    def splits(rest: str, separators: list[str]) -> list[list[str]]:
        if not separators:
            return [[rest]] if rest else []
        first = separators[0]
        places = [at for at in range(1, len(rest)) if rest.startswith(first, at)]
        return [[rest[:at], *more] for at in places for more in splits(rest[at + len(first) :], separators[1:])]

    ways = splits(name[len(prefix) :], inner) if name.startswith(prefix) else []
    if len(ways) == 1:
        assert names(pattern).series(name) == Series(ways[0][0], ways[0][-1])
    else:
        with pytest.raises(TelemetryError, match="more than one way" if ways else "does not fit"):
            names(pattern).series(name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"series_name": "{host}"}, "series_name is for preset: grafana"),
        ({"series_name": "{host}", "preset": "sadf"}, "series_name is for preset: grafana"),
        ({"series_name": "{hots} {resource}", "preset": "grafana"}, "holds {hots}"),
        ({"series_name": "cpu", "preset": "grafana"}, "must hold {host} or {resource}"),
        ({"series_name": "{host} {host}", "preset": "grafana"}, "more than once"),
        ({"series_name": "{host}{resource}", "preset": "grafana"}, "needs text between"),
        ({"series_name": "{host} {resource}", "preset": "grafana", "resource": "cpu"}, "set one of them"),
        ({"series_name": "{host} {any}", "preset": "grafana", "host_from": "file name"}, "host_from: file name is set"),
        ({"preset": "graphana"}, "preset"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused_when_it_is_set(options, said):
    with pytest.raises(SettingsError, match=re.escape(said)):
        telemetry_settings(**options)
