"""Machines of a cluster, played by network namespaces: each with its own address on a bridge, and a cable that can be pulled.

Belongs here: making and removing them. Does not belong here: what runs in them. It needs root and `ip` (iproute2).
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

NETWORK = "10.213.77"
"""The first three numbers of every address: the bridge, where the run itself is, has .1."""


_MADE = itertools.count()


@dataclass(frozen=True, slots=True)
class Node:
    """One namespace. address: where others reach it."""

    name: str
    address: str
    cable: str

    def command(self, *program: str) -> list[str]:
        """The program, to be started inside."""
        return ["ip", "netns", "exec", self.name, *program]

    def pull_cable(self) -> None:
        """From now on nothing reaches the node, and nothing of it the others; no connection is told so."""
        _ip("link", "set", self.cable, "down")

    def plug_in(self) -> None:
        """Undo `pull_cable`."""
        _ip("link", "set", self.cable, "up")


def why_not() -> str | None:
    """Why there can be no namespaces here; None where there can."""
    if not shutil.which("ip"):
        return "the program ip (package iproute2) is not installed"
    return None if os.geteuid() == 0 else "network namespaces are made by root alone"


@contextmanager
def nodes(count: int) -> Iterator[Sequence[Node]]:
    """So many namespaces on one bridge until the block ends. Raises CalledProcessError where the system refuses."""
    tag = f"tf{os.getpid() % 100_000}{next(_MADE):02}"  # the system takes a while to forget a name
    bridge = f"{tag}b"
    with ExitStack() as undo:
        _ip("link", "add", bridge, "type", "bridge")
        undo.callback(_ip, "link", "del", bridge)
        _ip("addr", "add", f"{NETWORK}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        made = []
        for number in range(count):
            node = Node(f"{tag}n{number}", f"{NETWORK}.{number + 2}", f"{tag}c{number}")
            _ip("netns", "add", node.name)
            undo.callback(_ip, "netns", "del", node.name)
            _ip("link", "add", node.cable, "type", "veth", "peer", "name", "eth0", "netns", node.name)
            _ip("link", "set", node.cable, "master", bridge)
            _ip("link", "set", node.cable, "up")
            _ip("-n", node.name, "addr", "add", f"{node.address}/24", "dev", "eth0")
            _ip("-n", node.name, "link", "set", "eth0", "up")
            _ip("-n", node.name, "link", "set", "lo", "up")
            made.append(node)
        yield made


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
