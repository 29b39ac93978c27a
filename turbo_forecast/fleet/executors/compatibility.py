"""Whether another machine would compute the same numbers: what it has installed, compared with what the run has.

Belongs here: what must be equal, and the sentence for what is not. Does not belong here: what becomes of an incompatible
machine (`dask_membership.py`).
"""

import platform
from collections.abc import Mapping
from importlib import import_module

from turbo_forecast.errors import SettingsError
from turbo_forecast.fleet.audit import versions
from turbo_forecast.fleet.checkpoint import code_of, own_code
from turbo_forecast.models.registry import check_entrant_names, check_external_files, module_of
from turbo_forecast.settings import ForecastSettings

NOT_OF_WORKERS = {"dagster"}
"""Packages that decide a run's numbers, but not a worker's."""
CODE_OF = "the code of "
SHOWN_DIGITS = 12
"""Of a digest, as many digits as distinguish two."""

Installed = Mapping[str, str]
"""What is installed: by the name of a package (or "Python", or what code it is a digest of), its version."""


def installed_here(settings: ForecastSettings) -> Installed:
    """What this process has that decides the numbers of a run with these settings.

    That is: Python's minor version, the packages, this package's own code, and that of entrants from elsewhere.
    """
    packages = {name: each for name, each in versions().items() if name not in NOT_OF_WORKERS}
    python = ".".join(platform.python_version_tuple()[:2])
    modules = sorted({module_of(name) for name in settings.base_models if ":" in name})
    code = {"turbo_forecast": own_code(), **{module: _code_of(module) for module in modules}}
    digests = {f"{CODE_OF}{name}": digest[:SHOWN_DIGITS] for name, digest in code.items()}
    return {"Python": python, **packages, **digests}


def _code_of(module: str) -> str:
    try:
        return code_of(module)
    except (ImportError, ValueError):  # a package above it is missing
        return ""


def mismatch(wanted: Installed, own: Installed) -> str | None:
    """Why a machine that has `own` would not compute what one that has `wanted` does; None where it would.

    To follow its name: "has numpy 1.26.0, the run has 2.3.1".
    """
    wrong = [name for name in wanted if own.get(name) != wanted[name] and (own.get(name) or not _is_module(name))]
    if not wrong:
        return None
    clauses = [f"{name} {own[name]} where the run has {wanted[name]}" for name in wrong if own.get(name)]
    missing = [name for name in wrong if not own.get(name)]
    has = f"has {', '.join(clauses)}" if clauses else ""
    lacks = f"has no {', no '.join(f'{name} (the run has {wanted[name]})' for name in missing)}" if missing else ""
    return "; ".join(filter(None, [has, lacks]))


def _is_module(name: str) -> bool:
    """A missing module is left to `unusable_entrants`, which gives the cause."""
    return name.startswith(CODE_OF)


def unusable_entrants(settings: ForecastSettings) -> str | None:
    """Why the run's entrants cannot be built here, to follow this machine's name; None where they can."""
    for name in settings.base_models:
        if ":" in name:
            module = module_of(name)
            try:
                import_module(module)
            except Exception as error:  # whatever a stranger's module does
                return f"cannot import {module}, which the entrant {name} needs: {type(error).__name__}: {error}"
    try:
        check_entrant_names(settings)
        check_external_files(settings)
    except SettingsError as error:
        return f"cannot work with the run's settings: {error}"
    return None
