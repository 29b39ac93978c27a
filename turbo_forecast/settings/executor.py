"""What carries a run's work: worker processes of this machine, or a Dask cluster.

Belongs here: which of the two, and how the cluster is reached. Does not belong here: how much work is one task
(`forecast.py`), and what an executor does (`fleet/executors/`). None of these options decides a number.
"""

import re
from typing import Literal

from pydantic import Field, model_validator

from turbo_forecast import option_rules
from turbo_forecast.settings.options import Options

SCHEMES = ("tcp", "tls")
_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[^\]\s]+\]|[^\s:/@\[\]]+):(?P<port>[0-9]{1,5})")


class ExecutorSettings(Options):
    """Who works the series. The files of TLS are PEM files, as Dask's own configuration names them."""

    kind: Literal["processes", "dask"] = Field(
        "processes", description="processes: worker processes of this machine; dask: the workers of a Dask cluster"
    )
    address: str = Field("", description="dask: the scheduler, such as tcp://host:8786, or tls://host:8786")
    ca: str = Field("", description="dask over tls: file of the certificate authority")
    cert: str = Field("", description="dask over tls: file of this machine's certificate")
    key: str = Field("", description="dask over tls: file of the certificate's private key")
    wait_seconds: float = Field(
        600.0, gt=0, le=604_800, description="dask: a run that has no worker waits for one so long, then it ends"
    )
    silence_seconds: float = Field(
        60.0,
        ge=5,
        le=86_400,
        description="dask: the tasks of a worker that sends no heartbeat for so long go to others",
    )

    @property
    def tls(self) -> dict[str, str]:
        """The files of TLS by their option."""
        return {"ca": self.ca, "cert": self.cert, "key": self.key}

    @model_validator(mode="after")
    def _consistent(self) -> "ExecutorSettings":
        if self.kind == "processes":
            given = [name for name, value in {"address": self.address, **self.tls}.items() if value]
            if given:
                raise ValueError(f"{given[0]} is only for kind: dask; say kind: dask, or leave it out")
            return self
        if not self.address:
            raise ValueError("address is missing; give the scheduler's, such as tcp://host:8786")
        scheme = _scheme(self.address)
        missing = [name for name, path in self.tls.items() if not path]
        if scheme == "tls" and missing:
            raise ValueError(
                f"an address with tls:// needs the files ca, cert and key; there is no {', no '.join(missing)}"
            )
        if scheme == "tcp" and len(missing) < len(self.tls):
            raise ValueError("ca, cert and key are files of TLS; give an address with tls://, or leave them out")
        return self


def _scheme(address: str) -> str:
    """The address' scheme. Raises ValueError unless it is one that can be used."""
    found = _ADDRESS.fullmatch(address)
    if not found:
        given = "one with a user's name" if "@" in address else option_rules.shown(address)  # and perhaps a password
        raise ValueError(f"address must be such as tcp://host:8786 or tls://host:8786, not {given}")
    if found["scheme"] not in SCHEMES:
        raise ValueError(f"address must begin with tcp:// or tls://, not {option_rules.shown(found['scheme'] + '://')}")
    if not 0 < int(found["port"]) <= 65_535:
        raise ValueError(f"address must end in a port from 1 to 65535, not {found['port']}")
    return found["scheme"]
