"""What stands in a query in the place of $step, $host and $hosts; resources named by labels."""

import re

from turbo_forecast.sources.prometheus.presets import any_of, can_be_parted, query_text, resource_name, unknown_variable


def test_placeholders_are_replaced_and_what_looks_like_them_is_not() -> None:
    query = 'label_replace(avg by ($host) (rate(x{$hosts,a=~"b$|c"}[$step])), "y", "$1", "z", "(.*)")'
    assert query_text(query, seconds=82_800, host_label="node") == (
        'label_replace(avg by (node) (rate(x{node!="",a=~"b$|c"}[82800s])), "y", "$1", "z", "(.*)")'
    )


def test_hosts_are_a_regular_expression_of_just_these() -> None:
    names = ["web1.example:9100", "a|b", "x+y", "[::1]:9100"]
    pattern = any_of(names)
    assert all(re.fullmatch(pattern, name) for name in names)
    assert not any(re.fullmatch(pattern, name) for name in ("web1-example:9100", "a", "xxy", "::1:9100"))
    text = query_text("x{$hosts}", seconds=60, host_label="instance", hosts=any_of(['q".x']))
    assert text == r'x{instance=~"q\\\"\\.x"}'


def test_a_query_can_be_parted_where_it_says_hosts() -> None:
    assert can_be_parted("x{$hosts}")
    assert not can_be_parted("avg by ($host) (x)")


def test_variables_of_grafana_are_found() -> None:
    assert unknown_variable("rate(x[$__rate_interval])") == "$__rate_interval"
    assert unknown_variable("rate(x[${__interval}])") == "${__interval}"
    assert unknown_variable("rate(x[$step])") is None


def test_a_resource_is_named_by_its_labels() -> None:
    assert resource_name("disk:$mountpoint", {"mountpoint": "/var", "device": "sda"}) == "disk:/var"
    assert resource_name("cpu", {"mountpoint": "/var"}) == "cpu"
