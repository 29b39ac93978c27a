"""What a worker process of the turbo engine loads, and that all of them compute the same."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import CodeType

import numpy as np
import pytest
from numba.core.registry import CPUDispatcher

from turbo_forecast.turbo_prophet import cache
from turbo_forecast.turbo_prophet.cache import KERNEL_MODULES
from turbo_forecast.turbo_prophet.linear_algebra import lasso, make_lasso_work
from turbo_forecast_tests.kernels import called

call_lasso = called(lasso)
call_make_lasso_work = called(make_lasso_work)

ROOT = Path(__file__).parents[2]
FIT = """
import numpy as np
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.turbo_prophet.daily import fit_daily, forecast_daily
from turbo_forecast.turbo_prophet.features import Spec
from turbo_forecast.turbo_prophet.prediction import Interval
rng = np.random.default_rng(5)
days = np.arange(19_000, 19_900)
y = (50 + 10 * np.sin(days / 20) + rng.normal(0, 3, 900)).clip(0, 100)
calendar = Calendar(19_000, 20_300, Spec(growth="logistic"))
fit = fit_daily(days, y, calendar, cap=100.0, floor=0.0)
found = forecast_daily(fit, np.arange(19_900, 20_200), calendar, Interval(0.8, 100), seed=3)
print(fit.theta.tobytes().hex(), found.yhat.tobytes().hex(), found.lower.tobytes().hex())
"""


def _run(code: str, **environment: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True, timeout=300
    )
    return done.stdout


@pytest.mark.slow
def test_a_worker_never_loads_pandas_prophet_matplotlib_or_dagster() -> None:
    loaded = _run(
        FIT + "import sys; print([m for m in ('pandas', 'prophet', 'matplotlib', 'dagster') if m in sys.modules])"
    )
    assert loaded.strip().endswith("[]")


@pytest.mark.slow
def test_every_process_gives_the_same_bytes() -> None:
    assert _run(FIT) == _run(FIT, OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1")


def test_a_cache_folder_that_cannot_be_written_is_replaced_by_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "a file, not a folder"
    blocked.write_text("")
    good = tmp_path / "good"
    monkeypatch.setattr(cache, "_candidates", lambda: [blocked / "kernels", good / "kernels"])
    assert cache.cache_folder.__wrapped__() == good / "kernels"
    monkeypatch.setattr(cache, "_candidates", lambda: [blocked / "kernels"])
    assert cache.cache_folder.__wrapped__() is None


def _names(code: CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


def test_the_kept_kernels_digest_covers_every_module_that_a_kernel_is_made_of() -> None:
    package = Path(cache.__file__).parent
    found = {"jit"}
    for path in package.glob("*.py"):
        module = f"{cache.__package__}.{path.stem}"
        imported = {
            alias.asname or alias.name: str(node.module).rsplit(".", 1)[-1]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith(str(cache.__package__))
            for alias in node.names
        }
        if not {"entry", "kernel", "reduction", "inlined"} & imported.keys():
            continue
        kernels = [x for x in vars(importlib.import_module(module)).values() if isinstance(x, CPUDispatcher)]
        own = [x.py_func for x in kernels if x.py_func.__module__ == module]
        assert own, f"{path.name} imports a decorator and has no kernel"
        found.add(path.stem)
        for function in own:  # what it uses of other modules: kernels, types, constants
            found |= {imported[name] for name in _names(function.__code__) if name in imported}
    assert found == set(KERNEL_MODULES)


def test_importing_the_package_compiles_nothing() -> None:
    code = "import time; import numba; b = time.perf_counter(); import turbo_forecast.turbo_prophet.daily"
    assert float(_run(code + "; print(time.perf_counter() - b)")) < 2.0


@pytest.mark.parametrize("seed", range(20))
def test_the_lasso_meets_its_first_order_conditions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    s = int(rng.integers(1, 30))
    root = rng.normal(size=(s + 3, s))
    a = root.T @ root + 1e-6 * np.eye(s)
    gradient, start = 5 * rng.normal(size=s), np.where(rng.random(s) < 0.3, rng.normal(size=s), 0.0)
    at_x, work = gradient.copy(), call_make_lasso_work(s)
    assert call_lasso(a, at_x, start, 2.0, work)
    x = work.x
    np.testing.assert_allclose(at_x, gradient + a @ (x - start), atol=1e-8)
    np.testing.assert_allclose(at_x[x != 0], -2.0 * np.sign(x[x != 0]), atol=1e-7)
    assert (np.abs(at_x[x == 0]) <= 2.0 + 1e-7).all()
