"""Which of Zabbix's items are of which resource, by their keys.

Belongs here: patterns of keys, parameters of a key, values that say what is free. Does not belong here: Zabbix's tables.

A key is a name, and parameters in brackets: `vfs.fs.size["/var",pused]` (Zabbix manual, "Item key format").
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT: dict[str, list[str]] = {
    "cpu": ["system.cpu.util"],
    "memory": ["vm.memory.utilization", "vm.memory.util"],
    "disk": ["vfs.fs.dependent.size[*,pused]", "vfs.fs.size[*,pused]"],
}
"""The items of Zabbix's own templates of operating systems that are in percent of capacity (6.0 and 7.0; disks of earlier ones)."""
_PARAMETER = r'"(?:[^"\\]|\\.)*"|[^,\]"]*'
_FREE = {
    "system.cpu.util": (1, "idle"),
    "vm.memory.size": (0, "pavailable"),
    "vfs.fs.size": (1, "pfree"),
    "vfs.fs.dependent.size": (1, "pfree"),
    "vfs.fs.inode": (1, "pfree"),
    "vfs.fs.dependent.inode": (1, "pfree"),
    "system.swap.size": (1, "pfree"),
}
"""Keys of which one parameter, by its place, makes the value what is left of 100 percent (Zabbix manual, "Zabbix agent")."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a key's values are of. free: they are what is left, so that 100 minus them is used."""

    resource: str
    free: bool


@dataclass(frozen=True, slots=True)
class Patterns:
    """Patterns of keys by resource; a `*` stands for one parameter, which tells several resources of a host apart."""

    by_resource: Mapping[str, Sequence[str]]

    def item(self, key: str) -> Item | None:
        """What the key's values are of; None where no pattern is of it. `disk` and `/var` are the resource `disk:/var`."""
        for resource, patterns in self.by_resource.items():
            for pattern in patterns:
                found = _expression(pattern).fullmatch(key)
                if found:
                    part = f":{_unquoted(found[1])}" if found.groups() else ""
                    return Item(resource + part, says_what_is_free(key))
        return None

    def like(self) -> list[str]:
        """Patterns for SQL's LIKE, with `!` as ESCAPE: each key that `item` knows is like one of them, and some others are."""
        every = [pattern for patterns in self.by_resource.values() for pattern in patterns]
        return [re.sub(r"([!%_])", r"!\1", pattern).replace("*", "%") for pattern in every]


def require_pattern(pattern: str) -> None:
    """Raises ValueError for a pattern that is none."""
    if not pattern.strip() or pattern.count("*") > 1:
        raise ValueError(
            f"{pattern!r} is no pattern of keys: write a key, with one * at most, as in vfs.fs.size[*,pused]"
        )
    if "*" in pattern and not re.search(r"[\[,]\s*\*\s*[,\]]", pattern):
        raise ValueError(f"{pattern!r} has a * that is not a whole parameter, as in vfs.fs.size[*,pused]")


def says_what_is_free(key: str) -> bool:
    """Whether 100 minus the key's value is what is used."""
    name, _, rest = key.partition("[")
    place, word = _FREE.get(name, (0, ""))
    parameters = [_unquoted(each[1]) for each in re.finditer(rf"\s*({_PARAMETER})\s*(?:,|\]|$)", rest)]
    return bool(word) and parameters[place : place + 1] == [word]


def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(f"({_PARAMETER})".join(map(re.escape, pattern.split("*"))))


def _unquoted(parameter: str) -> str:
    quoted = re.fullmatch(r'"(.*)"', parameter, re.DOTALL)
    return quoted[1].replace('\\"', '"') if quoted else parameter.strip()
