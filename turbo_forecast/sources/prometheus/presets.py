"""The queries of presets (PromQL), and the placeholders of queries that are filled in when they are sent.

Belongs here: PromQL. Does not belong here: when and over which span it is evaluated (`cutting.py`).

The preset node_exporter uses metrics by the names that the exporter's README lists for its collectors cpu, meminfo, filesystem,
netclass and netdev, since node_exporter 0.16. An average over a step is an average of the values scraped in it.

cpu: the share of CPU time that is used. As in the rules that the exporter's own mixin records (docs/node-mixin,
`instance:node_cpu_utilisation`), neither iowait (the CPU was idle, and could have worked) nor steal (another guest had it) is
use. It is divided by the time of all modes, whose sum is the time that passed on all CPUs (proc(5), /proc/stat), not by the step: a
host that was scraped for a part of the step only (it was installed, or its series have new labels) would else seem busy.

memory: what is not available to programs without swapping: 1 - MemAvailable / MemTotal (proc(5), and the mixin's
`instance:node_memory_utilisation:ratio`). Two averages are divided, not one quotient averaged, for a subquery would need a
resolution, and memory that is added within a step is a matter of one value.

disk: each file system by its mount point, because each can run full: used / (used + avail) as `df` computes Use%, in which blocks
reserved for root are neither. Without those that are in memory, read-only, or images and layers of containers.

network: the busier direction of the busiest interface, as a share of its speed: a full-duplex interface has it in each direction.
node_network_speed_bytes is negative or 0 where the driver knows none, as virtual ones do: such an interface has no share.
"""

import re
from collections.abc import Mapping

_DISK = ",".join(
    [
        'fstype!~"tmpfs|ramfs|rootfs|devtmpfs|overlay|squashfs|iso9660|udf|nsfs|fuse[.]lxcfs|autofs"',
        'mountpoint!~"/(dev|proc|sys|run|snap|var/lib/(docker|containers|containerd|kubelet))(/.+)?"',
        "$hosts",
    ]
)
_NETWORK = r'device!~"lo|veth.+|cali.+|tap.+|tun.+",$hosts'
_SPEED = f"(max_over_time(node_network_speed_bytes{{{_NETWORK}}}[$step]) > 0)"

NODE_EXPORTER = {
    "cpu": """
100 * (
  1 - sum by ($host) (rate(node_cpu_seconds_total{mode=~"idle|iowait|steal",$hosts}[$step]))
  / sum by ($host) (rate(node_cpu_seconds_total{$hosts}[$step]))
)""",
    "memory": """
100 * max by ($host) (
  1 - avg_over_time(node_memory_MemAvailable_bytes{$hosts}[$step]) / avg_over_time(node_memory_MemTotal_bytes{$hosts}[$step])
)""",
    "disk:$mountpoint": f"""
100 * max by ($host, mountpoint) (
  1 - avg_over_time(node_filesystem_avail_bytes{{{_DISK}}}[$step]) / (
    avg_over_time(node_filesystem_size_bytes{{{_DISK}}}[$step])
    - avg_over_time(node_filesystem_free_bytes{{{_DISK}}}[$step])
    + avg_over_time(node_filesystem_avail_bytes{{{_DISK}}}[$step])
  )
) unless max by ($host, mountpoint) (min_over_time(node_filesystem_readonly{{{_DISK}}}[$step]) == 1)""",
    "network": f"""
100 * max by ($host) (
  rate(node_network_receive_bytes_total{{{_NETWORK}}}[$step]) / {_SPEED}
  or label_replace(
    rate(node_network_transmit_bytes_total{{{_NETWORK}}}[$step]) / {_SPEED}, "direction", "transmit", "", ""
  )
)""",
}
PRESETS: Mapping[str, Mapping[str, str]] = {"node_exporter": NODE_EXPORTER}

_PLACEHOLDER = re.compile(r"\$(step|hosts|host)\b")
_GRAFANA = re.compile(r"\$\{?(__\w+)\}?")
_LABEL = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


def unknown_variable(query: str) -> str | None:
    """A variable of Grafana's in a query, which nothing here replaces; None without one."""
    found = _GRAFANA.search(query)
    return found[0] if found else None


def can_be_parted(query: str) -> bool:
    """Whether it can be asked for some of the hosts."""
    return any(found[1] == "hosts" for found in _PLACEHOLDER.finditer(query))


def query_text(query: str, *, seconds: int, host_label: str, hosts: str = "") -> str:
    """The PromQL of a query for one length of step. hosts: a regular expression of the hosts asked for; all that have a name when empty."""
    matcher = f"{host_label}=~{_quoted(hosts)}" if hosts else f'{host_label}!=""'
    values = {"step": f"{seconds}s", "host": host_label, "hosts": matcher}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], query)


def any_of(hosts: list[str]) -> str:
    """A regular expression (RE2) of exactly these hosts."""
    return "|".join(re.sub(r"([^\w:/@ -])", r"\\\1", host) for host in hosts)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def resource_labels(resource: str) -> list[str]:
    """The labels in a resource's name: of `disk:$mountpoint`, mountpoint."""
    return _LABEL.findall(resource)


def resource_name(resource: str, labels: Mapping[str, str]) -> str:
    """The name with the values of its labels; of a label that the series does not have, nothing."""
    return _LABEL.sub(lambda found: labels.get(found[1], ""), resource)
