"""Dagster resources: settings, the data folder, the warehouse.

Belongs here: what lets the launchpad set options and tests override places. Does not belong here: logic, and the I/O
manager (`io_manager.py`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster._config import config_type  # the public Float is a type of values: no other can be made of it
from dagster._core.definitions.definition_config_schema import DefinitionConfigSchema  # Dagster exports no such seam
from dagster_duckdb import DuckDBResource
from pydantic import Field, ValidationError

from turbo_forecast.defs.stored_data import working_copy_of_run
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.fleet.executors.choice import check_executor
from turbo_forecast.landing.configured import configured
from turbo_forecast.models.registry import check_entrant_names, check_external_files
from turbo_forecast.settings import (
    Environment,
    ExecutorSettings,
    ForecastSettings,
    OutlookSettings,
    TelemetrySettings,
    current_environment,
    one_sentence,
)
from turbo_forecast.storage.former_layout import rename_former
from turbo_forecast.storage.groups import read_groups
from turbo_forecast.storage.plans import read_plans
from turbo_forecast.storage.published.states import publish_standings
from turbo_forecast.storage.retention import GROUP_RESULTS, RESULTS
from turbo_forecast.storage.warehouse import connected
from turbo_forecast.text import shown_location
from turbo_forecast.windows import cutoff_of


class Number(config_type.Float):
    """A Float as it was given; Dagster's makes 1.0 of `true`, and ends in an error of its own at 10**400."""

    def post_process(self, value: object) -> object:
        """The value itself: what is no number is refused by the validation that follows."""
        return value


NUMBER = Number()  # type: ignore[no-untyped-call]
"""One for all options: Dagster wants names of types to be unique."""


def _as_given(kind: config_type.ConfigType) -> config_type.ConfigType:
    """An option's type with NUMBER in the place of Dagster's Float."""
    if isinstance(kind, config_type.Float):
        return NUMBER
    if isinstance(kind, config_type.Noneable):
        return dg.Noneable(_as_given(kind.inner_type))
    if isinstance(kind, dg.Map):
        return dg.Map(kind.key_type, _as_given(kind.inner_type), key_label_name=kind.key_label_name)  # type: ignore[no-untyped-call]
    if isinstance(kind, dg.Array):
        return dg.Array(_as_given(kind.inner_type))
    if isinstance(kind, dg.Shape):
        return dg.Shape({name: _field_as_given(each) for name, each in kind.fields.items()})  # type: ignore[no-untyped-call]
    return kind


def _field_as_given(field: dg.Field) -> dg.Field:
    """A nested option's field, whose default is what nobody has stated."""
    default = {"default_value": field.default_value} if field.default_provided else {}
    return dg.Field(
        _as_given(field.config_type), description=field.description, is_required=field.is_required, **default
    )


class ValidatedResource(dg.ConfigurableResource[None]):
    """Options that are validated when a run is launched: one that cannot work refuses the launch, and no step begins.

    Dagster itself knows an option's type and choices (the launchpad shows them), and leaves everything else to the
    resource's initialisation, inside the run.
    """

    def __init__(self, **options: Any) -> None:
        try:
            super().__init__(**options)
        except ValidationError as error:
            raise SettingsError(f"{self.section()} settings: {one_sentence(error, self.section())}") from None

    @classmethod
    def section(cls) -> str:
        """The settings file's section whose options these are."""
        raise NotImplementedError

    def validate_for_run(self) -> None:
        """Raises SettingsError for what only matters once a run begins, such as files that must be there by then."""

    @property
    def _config_schema(self) -> DefinitionConfigSchema:
        """The schema, with this class's validation at its end.

        Each option's default is this resource's own value: as Dagster has it, a launch that states one option would put
        all others of the settings file back to the class's defaults.
        """
        field = copy(super()._config_schema.as_field())
        own = self._convert_to_config_dictionary()
        known = dg.Shape(  # type: ignore[no-untyped-call]
            {
                name: dg.Field(_as_given(each.config_type), default_value=own[name], description=each.description)
                for name, each in field.config_type.fields.items()
            },
            description=field.description,
        )
        shape = object.__new__(dg.Shape)  # a copy: Dagster shares a shape among equal schemas
        vars(shape).update(vars(known), post_process=self._validated)
        field.config_type = shape
        return DefinitionConfigSchema(field)

    def _validated(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        type(self)(**values).validate_for_run()
        return values


class TelemetryResource(TelemetrySettings, ValidatedResource):
    """TelemetrySettings, in the launchpad.

    Dagster stores a resource's configuration with every run and shows it to everyone: `shown` leaves a URL's key out of
    it, and `settings` takes the key from where the URL is configured.
    """

    @classmethod
    def shown(cls, settings: TelemetrySettings) -> "TelemetryResource":
        """The resource of these settings, with a URL as it may be shown."""
        return cls(**{**settings.model_dump(), "telemetry": shown_location(settings.telemetry)})

    @classmethod
    def of_environment(cls, environment: Environment) -> "TelemetryResource":
        """The resource of what an environment names. A source's address names no files: its months are landed. Raises SettingsError."""
        files = configured(environment).files
        return cls.shown(environment.settings().telemetry.model_copy(update={"telemetry": files}))

    @classmethod
    def section(cls) -> str:
        """`telemetry`."""
        return "telemetry"

    def settings(self) -> TelemetrySettings:
        """The plain settings, for the floors that do not know Dagster. Raises SettingsError."""
        values = {name: getattr(self, name) for name in TelemetrySettings.model_fields}
        if "://" in self.telemetry:
            whole = configured(current_environment()).files
            values["telemetry"] = whole if shown_location(whole) == self.telemetry else self.telemetry
        return TelemetrySettings(**values)


class ExecutorConfig(ExecutorSettings, dg.Config):
    """ExecutorSettings, in the launchpad."""


class ForecastResource(ForecastSettings, ValidatedResource):
    """ForecastSettings, in the launchpad."""

    executor: ExecutorConfig = Field(
        ExecutorConfig(), description=ForecastSettings.model_fields["executor"].description
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        check_entrant_names(self.settings())

    @classmethod
    def section(cls) -> str:
        """`forecast`."""
        return "forecast"

    def is_set(self, option: str) -> bool:
        """Whether the option is not at its default: Dagster fills in every option, given or not."""
        return bool(self._plain(option) != ForecastSettings.model_fields[option].default)

    def validate_for_run(self) -> None:
        """Raises SettingsError unless the external models' files are there and have their columns, and those of TLS are."""
        settings = self.settings()
        check_external_files(settings)
        check_executor(settings.executor)

    def settings(self) -> ForecastSettings:
        """The plain settings, for the floors that do not know Dagster."""
        return ForecastSettings(
            **{name: self._plain(name) for name in ForecastSettings.model_fields if self.is_set(name)}
        )

    def _plain(self, option: str) -> Any:
        """The option's value, without anything of Dagster: workers are sent it, and must not import that."""
        value = getattr(self, option)
        return ExecutorSettings(**dict(value)) if isinstance(value, ExecutorSettings) else value


class OutlookResource(OutlookSettings, ValidatedResource):
    """OutlookSettings, in the launchpad: thresholds may be tried there on a month that is forecast already."""

    @classmethod
    def section(cls) -> str:
        """`outlook`."""
        return "outlook"

    def validate_for_run(self) -> None:
        """Raises SettingsError unless the files of groups and of plans can be read: else a month is known to fail after its fit."""
        read_plans(self.plans)
        if self.groups:
            read_groups(self.groups)

    def settings(self) -> OutlookSettings:
        """The plain settings, for the floors that do not know Dagster."""
        return OutlookSettings(**{name: getattr(self, name) for name in OutlookSettings.model_fields})


class DataFolder(dg.ConfigurableResource[None]):
    """Where everything is stored. store: the address on object storage of which the folder is a working copy, if it is."""

    path: str
    store: str = ""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Any]:
        """The folder, with what lies in the store until the run ends."""
        with working_copy_of_run(self.store, context):
            yield self

    @property
    def root(self) -> Path:
        """The folder, whatever the working directory becomes; some readers take a leading `~` for the home folder."""
        return Path(self.path).absolute()

    def parquet(self, asset: str, partition: str) -> Path:
        """`<asset>/<partition>.parquet`, as dagster-polars lays assets out."""
        return self.root / asset / f"{partition}.parquet"

    def masters(self, asset: str) -> dict[date, Path]:
        """An asset's published Parquet files by their month's cutoff."""
        return {cutoff_of(path.stem): path for path in sorted((self.root / asset).glob("????-??.parquet"))}

    def results(self, partition: str) -> Path:
        """What the month's run has made of its tournament, from which each asset stores its part."""
        return self.root / RESULTS / partition

    def group_results(self, partition: str) -> Path:
        """What the month's run over groups has made of its tournament, from which the outlook's rows of groups follow."""
        return self.root / GROUP_RESULTS / partition

    def scratch(self, partition: str) -> Path:
        """What an unfinished fleet forecast of the month leaves for the next attempt."""
        return self.root / "fleet_forecast" / f".unfinished-{partition}"

    def failing_rows(self, asset: str, check: str, partition: str | None) -> Path:
        """Where a failed check lists all rows that fail it."""
        return self.root / "checks" / asset / f"{check}{f'-{partition}' if partition else ''}.csv"


class Warehouse(DuckDBResource):
    """The DuckDB warehouse.

    Overrides the connection of DuckDBResource, which waits 100 s for a lock in silence and leaves the file
    locked after an exception.
    """

    store: str = ""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Any]:
        """The warehouse, with what lies in the store until the run ends: some steps need no more of the data folder."""
        with working_copy_of_run(self.store, context):
            yield self

    @contextmanager
    def get_connection(self, *, keep_duckdb: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection, closed in any case. Raises StorageError, naming the process that holds the file.

        keep_duckdb: as of `connected`, for what is but one of a run's many short steps.

        All steps begin here, so here the files beside the warehouse get the months' names of today.
        """
        data = Path(self.database).absolute().parent
        renamed = rename_former(data)
        if renamed.is_news:
            dg.get_dagster_logger().info(renamed.describe())
        with connected(Path(self.database), dg.get_dagster_logger().info, keep_duckdb=keep_duckdb) as con:
            try:
                yield con
            except BaseException:
                with suppress(StorageError, duckdb.Error):  # the first error is raised, not what follows from it
                    publish_standings(con, data)
                raise
            publish_standings(con, data)
