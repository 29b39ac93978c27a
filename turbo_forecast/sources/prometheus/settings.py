"""The options of a source of kind `prometheus`: each with its default, meaning and bounds.

Belongs here: what a person may set, and what is refused. Does not belong here: what the options do.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator, model_validator

from turbo_forecast import option_rules
from turbo_forecast.settings.options import Options
from turbo_forecast.sources.prometheus import presets

STEPS = {"5m": 300, "10m": 600, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21_600, "1d": 86_400}
"""Seconds of each step."""
TENANT = "X-Scope-OrgID"
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS = {"host", "content-length", "content-type", "transfer-encoding", "connection", TENANT.lower()}
_SECRET = re.compile(r"auth|cookie|token|secret|password|key", re.IGNORECASE)
_OWN_PARAMETERS = {"query", "start", "end", "step", "time", "timeout", "partial_response", "nocache", "stats"}


class PrometheusOptions(Options):
    """Where a Prometheus is, what it is asked, and how. No option holds a secret: each names where one is."""

    address: str = Field(
        "",
        description="where the HTTP API is, such as http://host:9090; with a path where it has one, as Mimir's /prometheus",
    )
    preset: Literal["none", "node_exporter"] = Field(
        "none", description="queries that are known: node_exporter (cpu, memory, a disk for each mount point, network)"
    )
    queries: dict[str, str] = Field(
        {},
        description="per resource: PromQL, in percent, with $step for the length of the span a value is of, $host for the host's "
        "label, $hosts in its selectors; in the place of the preset's, which empty text leaves out. A resource's name may hold "
        "labels: disk:$mountpoint",
    )
    host_label: str = Field("instance", description="the label that names the host")
    strip_port: bool | None = Field(
        None, description="leave out the :port at a host's end; when not set, only where host_label is instance"
    )
    step: Literal["5m", "10m", "15m", "30m", "1h", "2h", "6h", "1d"] = Field(
        "1h", description="the span each value is of: 5m, 10m, 15m, 30m, 1h, 2h, 6h or 1d"
    )
    zone: str = Field(
        "", description="step 1d: whose days are meant; those of the telemetry's timezone, and another zone is refused"
    )
    tenant: str = Field("", description=f"the tenant of Mimir and others: sent as {TENANT}")
    headers: dict[str, str] = Field({}, description="further headers, none of them a secret")
    header_envs: dict[str, str] = Field(
        {}, description="further headers that are secret: by name, the environment's variable that holds the value"
    )
    parameters: dict[str, str] = Field(
        {}, description="further parameters of each query, such as max_source_resolution: auto for Thanos' downsamples"
    )
    username: str = Field("", description="basic authentication: the user's name")
    password_env: str = Field(
        "", description="basic authentication: the environment's variable that holds the password"
    )
    password_file: str = Field("", description="basic authentication: the file that holds the password")
    token_env: str = Field("", description="bearer authentication: the environment's variable that holds the token")
    token_file: str = Field("", description="bearer authentication: the file that holds the token")
    ca_file: str = Field(
        "", description="https: file (PEM) of the authority that the server's certificate is checked by"
    )
    cert_file: str = Field("", description="https: file (PEM) of the certificate by which the server knows this client")
    key_file: str = Field("", description="https: file (PEM) of that certificate's private key")
    timeout_seconds: float = Field(120.0, ge=1, le=3600, description="for an answer, before it is asked again")
    patience_seconds: float = Field(
        300.0, ge=0, le=86_400, description="how long what fails for a while is asked again: 429, 5xx, no answer"
    )
    side_by_side: int = Field(4, ge=1, le=64, description="queries at a time")
    max_points: int = Field(
        11_000, ge=2, le=1_000_000, description="points a series and query; Prometheus refuses more than 11,000"
    )

    @field_validator("*")
    @classmethod
    def _printable(cls, value: object, info: ValidationInfo) -> object:  # type: ignore[override]  # pydantic gives both
        """As of all options; but PromQL may have several lines, and comments that end with theirs."""
        if info.field_name == "queries" and isinstance(value, dict):
            super()._printable({name: " ".join(query.splitlines()) for name, query in value.items()})
            return value
        return super()._printable(value)

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        return _checked_address(value) if value else value

    @field_validator("host_label")
    @classmethod
    def _host_label(cls, value: str) -> str:
        if not _LABEL.fullmatch(value):
            raise ValueError(f"must be a label's name, such as instance, not {option_rules.shown(value)}")
        return value

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key if value else value
        except (LookupError, OSError, ValueError):
            raise ValueError(f"must be a zone such as Europe/Berlin, not {option_rules.shown(value)}") from None

    @field_validator("headers", "header_envs")
    @classmethod
    def _headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, content in value.items():
            if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS:
                raise ValueError(f"{option_rules.shown(name)} is no header that can be set here")
            if not content.isprintable() or not content.isascii():
                raise ValueError(f"the value of {name} has characters that no header can hold")
        return value

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, value: dict[str, str]) -> dict[str, str]:
        own = next((name for name in value if name in _OWN_PARAMETERS), None)
        if own:
            raise ValueError(f"{own} is set for each query, and cannot be given")
        secret = next((name for name in value if _SECRET.search(name)), None)
        if secret:
            raise ValueError(f"{option_rules.shown(secret)} looks like a secret, which no query may hold")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "PrometheusOptions":
        if not self.address:
            raise ValueError("address is missing: give where the HTTP API is, such as http://host:9090")
        self._require_queries()
        self._require_one_authentication()
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file belong together: give both, or none")
        if (self.ca_file or self.cert_file) and self.address.startswith("http://"):
            raise ValueError("ca_file, cert_file and key_file need an address with https://")
        if self.zone not in ("", "UTC") and self.step != "1d":
            raise ValueError("zone is only for step: 1d; shorter steps are the same in every zone")
        return self

    def _require_queries(self) -> None:
        if not self.resources:
            raise ValueError(
                "there is nothing to ask: give preset: node_exporter, or queries: with PromQL per resource"
            )
        for name, query in self.queries.items():
            shown = option_rules.shown_name(name)
            if not name.strip():
                raise ValueError("queries has a resource without a name")
            if variable := presets.unknown_variable(query):
                raise ValueError(
                    f"queries.{shown} has Grafana's {variable}: write $step, the length of the span a value is of"
                )
            if not query.strip() and name not in presets.PRESETS.get(self.preset, {}):
                raise ValueError(f"queries.{shown} is empty: only a query of a preset can be left out so")

    def _require_one_authentication(self) -> None:
        for kind in ("password", "token"):
            if getattr(self, f"{kind}_env") and getattr(self, f"{kind}_file"):
                raise ValueError(f"{kind}_env and {kind}_file are both set: set one of them")
        password, token = self.password_env or self.password_file, self.token_env or self.token_file
        if password and token:
            raise ValueError("a password and a token are both named: name one of them")
        if bool(self.username) != bool(password):
            raise ValueError("username needs password_env or password_file, and these need username")
        if ":" in self.username:
            raise ValueError("username holds a colon, which basic authentication cannot send")
        secret = next((name for name in self.headers if _SECRET.search(name)), None)
        if secret:
            raise ValueError(
                f"headers.{secret} looks like a secret: name its variable of the environment in header_envs"
            )
        if any(name.lower() == "authorization" for name in self.header_envs) and (password or token):
            raise ValueError("header_envs has Authorization, which a password or token sets already: name one of them")

    @property
    def resources(self) -> Mapping[str, str]:
        """The query of each resource."""
        every = {**presets.PRESETS.get(self.preset, {}), **self.queries}
        return {name: query.strip() for name, query in every.items() if query.strip()}

    @property
    def step_seconds(self) -> int:
        """The length of a step, of a day's one on an ordinary day."""
        return STEPS[self.step]

    @property
    def strips_port(self) -> bool:
        """Whether :port is no part of a host's name."""
        return self.host_label == "instance" if self.strip_port is None else self.strip_port

    @property
    def decisive(self) -> dict[str, Any]:
        """What decides which rows a window has; whose days it is of, a manifest says by itself."""
        names = {"address", "host_label", "step", "tenant", "parameters"}
        return {**self.model_dump(include=names), "queries": dict(self.resources), "strip_port": self.strips_port}


def _checked_address(value: str) -> str:
    """The address without a slash at its end. Raises ValueError, which shows no part of it that may be a secret."""
    if "@" in value:  # wherever it stands: the password may hold a slash, and the rest of it look like a path
        raise ValueError(
            "has credentials in it: give username and password_env, or token_env, which name the environment's variables"
        )
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError:
        raise ValueError("must be such as http://host:9090; this one has no readable host or port") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("must begin with http:// or https:// and name a host, such as http://host:9090")
    if parts.query or parts.fragment:
        raise ValueError("must end before ? and #: further parameters are the option parameters")
    if re.search(r"\s", value.strip()):
        raise ValueError("must not hold spaces")
    path = re.sub(r"/api/v1(/.*)?$", "", parts.path).rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"
