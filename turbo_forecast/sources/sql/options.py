"""The options of SQL sources: where a database is, how it is reached, and a query with the meaning of its columns.

Belongs here: what a person may set, and what is refused. Does not belong here: what the options do.
"""

from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator, model_validator

from turbo_forecast import option_rules
from turbo_forecast.settings.options import Options
from turbo_forecast.sources.sql.address import FORMS, DatabaseAddress, database_address
from turbo_forecast.sources.sql.query import Query

TLS = ("sslmode", "ca_file", "cert_file", "key_file")


class DatabaseOptions(Options):
    """How a database is reached. No option holds a secret: each names where one is."""

    address: str = Field(description=f"where the database is, without a password: {FORMS}")
    password_env: str = Field("", description="the environment's variable that holds the password")
    password_file: str = Field("", description="the file that holds the password")
    sslmode: Literal["", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = Field(
        "",
        description="PostgreSQL: whether the connection is encrypted and the server's certificate checked, as libpq has it",
    )
    ca_file: str = Field(
        "", description="PostgreSQL: file (PEM) of the authority that the server's certificate is checked by"
    )
    cert_file: str = Field(
        "", description="PostgreSQL: file (PEM) of the certificate by which the server knows this client"
    )
    key_file: str = Field("", description="PostgreSQL: file (PEM) of that certificate's private key")
    statement_timeout_seconds: int = Field(600, ge=1, le=86_400, description="how long a month's query may take")
    connect_timeout_seconds: int = Field(15, ge=1, le=600, description="how long a server may take to answer at all")
    attempts: int = Field(
        6,
        ge=1,
        le=20,
        description="how often a month is asked for while the server is away, with growing pauses in between",
    )
    batch_rows: int = Field(65_536, ge=1_000, le=10_000_000, description="rows that are held at a time, about")

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        cls.database(value)
        return value

    @classmethod
    def database(cls, address: str) -> DatabaseAddress:
        """The database that the address stands for. Raises ValueError."""
        return database_address(address)

    @property
    def place(self) -> DatabaseAddress:
        """Where the database is."""
        return self.database(self.address)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        place = self.place
        if self.password_env and self.password_file:
            raise ValueError("password_env and password_file are both set: set one of them")
        if place.path and (self.password_env or self.password_file):
            raise ValueError("password_env and password_file are of no use: the database is a file")
        tls = next((name for name in TLS if getattr(self, name)), None)
        if tls and place.system == "mysql":
            raise ValueError(
                f"{tls} cannot be used with MySQL or MariaDB, whose driver here speaks no TLS: let a tunnel of this machine encrypt"
            )
        if tls and place.path:
            raise ValueError(f"{tls} is of no use: the database is a file")
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file belong together: give both, or none")
        return self


class Columns(Options):
    """Which columns of an answer are what. All others are labels."""

    host: str = Field("host_id", min_length=1, description="the column of the host")
    resource: str = Field("resource", min_length=1, description="the column of the resource")
    time: str = Field("timestamp", min_length=1, description="the column of the beginning of what a value is of")
    value: str = Field("value", min_length=1, description="the column of the value")

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len({self.host, self.resource, self.time, self.value}) < 4:
            raise ValueError("host, resource, time and value must be four different columns")
        return self


class SQLOptions(DatabaseOptions):
    """A source of kind `sql`."""

    query: str = Field(
        "", description="one query with :start and :end (or :start_local, :start_epoch, :start_epoch_ms and their ends)"
    )
    columns: Columns = Field(Columns(), description="which columns of the answer are host, resource, time and value")
    time_zone: str = Field(
        "", description="whose clock times and dates without a zone are of, such as UTC or Europe/Berlin"
    )
    epoch: Literal["seconds", "milliseconds"] = Field(
        "seconds", description="what a time that is a number counts, since 1970"
    )

    @field_validator("*")
    @classmethod
    def _printable(cls, value: object, info: ValidationInfo) -> object:  # type: ignore[override]  # pydantic takes both
        """As in all options; but a query may have lines."""
        text = " ".join(value.split()) if info.field_name == "query" and isinstance(value, str) else value
        super()._printable(text)
        return value

    @field_validator("time_zone")
    @classmethod
    def _time_zone(cls, value: str) -> str:
        return zone_name(value) if value else value

    @model_validator(mode="after")
    def _require_query(self) -> Self:
        if not self.query.strip():
            raise ValueError(
                "query is missing: an address alone does not say what to ask for; write one with :start and :end in the settings file"
            )
        try:
            names = self.parsed_query.names
        except ValueError as error:
            raise ValueError(f"query {error}") from None
        if not self.time_zone and any(name.endswith("_local") for name in names):
            raise ValueError("query has a local time, so time_zone must say whose clock is meant")
        return self

    @property
    def parsed_query(self) -> Query:
        """The query, cut at its parameters. Raises ValueError for one that cannot be used."""
        return Query.of(self.query, self.place.system)

    @property
    def decisive(self) -> dict[str, Any]:
        """What decides which rows a window has."""
        chosen = self.model_dump(include={"query", "columns", "time_zone", "epoch"})
        return {"database": self.place.location, **chosen}


def zone_name(value: str) -> str:
    """The name of a zone of the IANA database. Raises ValueError."""
    name = option_rules.time_zone(value).strip()
    try:
        return ZoneInfo("UTC" if name.lower() in ("z", "utc") else name).key
    except (LookupError, OSError, ValueError):
        raise ValueError(f"must be a zone such as UTC or Europe/Berlin, not {option_rules.shown(value)}") from None
