"""sadf's blocks of statistics are percent of capacity, over restarts, days and hosts."""

from datetime import date

import pytest

DAY = date(2025, 2, 20)
CPU = "# hostname;interval;timestamp;CPU;%user;%nice;%system;%iowait;%steal;%idle"
RESTART = "h;-1;2025-02-20 08:37:26 UTC;LINUX-RESTART\t(4 CPU)"


def cpu(clock: str, idle: str, host: str = "h", which: str = "-1") -> str:
    return f"{host};600;2025-02-20 {clock} UTC;{which};1.00;0.00;1.00;0.00;0.00;{idle}"


def test_a_processor_uses_what_it_does_not_idle(csv, read):
    """(100 - 94.5 + 100 - 90.25) / 2 = 7.625."""
    lines = [RESTART, CPU, cpu("08:50:01", "94.50"), RESTART, CPU, cpu("09:00:01", "90.25")]
    reading = read(csv(*lines), preset="sadf")
    assert reading.rows == [("h", "cpu", DAY, 7.625)]
    assert any(note.startswith("left out 2 restarts of") for note in reading.report.notes)


def test_blocks_hosts_and_devices_are_told_apart(csv, read):
    lines = [
        *(CPU, cpu("08:50:01", "50.00"), cpu("08:50:01", "40.00", which="0"), cpu("08:50:01", "60.00", which="1")),
        *(cpu("08:50:01", "30.00", host="i", which="all"), "h;-1;2025-02-20 09:00:00 UTC;COM backup; starts"),
        *("# hostname;interval;timestamp;kbmemfree;%memused", "h;600;2025-02-20 08:50:01 UTC;1;50.5"),
        *("# hostname;interval;timestamp;kbswpfree;%swpused", "h;600;2025-02-20 08:50:01 UTC;1;2.5"),
        *("# hostname;interval;timestamp;DEV;tps;%util", "h;600;2025-02-20 08:50:01 UTC;sda;1;33.5"),
        *("# hostname;interval;timestamp;IFACE;rxpck/s;%ifutil", "h;600;2025-02-20 08:50:01 UTC;eth0;1;4.5"),
        *(
            "# hostname;interval;timestamp;FILESYSTEM;MBfsfree;%fsused",
            "h;600;2025-02-20 08:50:01 UTC;/dev/sda1;1;70.5",
        ),
        *("# hostname;interval;timestamp;runq-sz;ldavg-1", "h;600;2025-02-20 08:50:01 UTC;1;0.5"),
    ]
    reading = read(csv(*lines), preset="sadf")
    assert {(host, resource): y for host, resource, _, y in reading.rows} == {
        ("h", "cpu"): 50.0,
        ("h", "cpu:0"): 60.0,
        ("h", "cpu:1"): 40.0,
        ("i", "cpu"): 70.0,
        ("h", "memory"): 50.5,
        ("h", "swap"): 2.5,
        ("h", "disk:sda"): 33.5,
        ("h", "network:eth0"): 4.5,
        ("h", "filesystem:/dev/sda1"): 70.5,
    }
    assert any("kbmemfree" in note for note in reading.report.notes)
    assert {row[1] for row in read(csv(*lines), preset="sadf", resources=["memory", "disk"]).rows} == {
        "memory",
        "disk:sda",
    }


@pytest.mark.parametrize(
    ("time", "zone"), [("2025-02-20 08:50:01 UTC", "UTC"), ("1740041401", "UTC"), ("2025-02-20 08:50:01", "")]
)
def test_times_are_utc_or_seconds_or_wall_clock_times(csv, read, time, zone):
    reading = read(csv(CPU, f"h;600;{time};-1;1;0;1;0;0;90"), preset="sadf")
    assert reading.rows == [("h", "cpu", DAY, 10.0)]
    assert (reading.report.timezone or "") == zone


def test_a_decimal_comma_is_read_in_any_block(csv, read):
    assert read(csv(CPU, cpu("08:50:01", "94,50")), preset="sadf").rows == [("h", "cpu", DAY, 5.5)]


def test_values_that_are_missing_are_rejected(csv, read):
    reading = read(csv(CPU, cpu("08:50:01", ""), cpu("09:00:01", "-nan"), cpu("09:10:01", "90")), preset="sadf")
    assert reading.rows == [("h", "cpu", DAY, 10.0)]
    assert reading.report.rejects == {"no value": 2}


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (["host;cpu", "a;1"], {}, "no line '# hostname;interval;timestamp;…' stands above its first row"),
        ([RESTART], {}, "it has no line '# hostname;interval;timestamp;…'"),
        ([CPU + "[...];kbmemfree", cpu("08:50:01", "90")], {}, "was written by sadf -h"),
        ([CPU, cpu("08:50:01", "90") + ";1"], {}, "record 2 of"),
        ([CPU, cpu("08:50:01", "nought")], {}, "column %idle of"),
        ([CPU, cpu("08:50:01", "90")], {"resources": ["memory"]}, "has none of the columns %memused"),
        ([CPU, cpu("08:50:01", "90")], {"resources": ["gpu"]}, "resources: preset: sadf knows no gpu"),
        ([CPU, cpu("08:50:01", "90")], {"host_column": "x"}, "host_column is set, but preset: sadf knows"),
    ],
)
def test_what_cannot_be_read_is_refused(csv, refusal, lines, options, said):
    assert said in refusal(csv(*lines), preset="sadf", **options)
