"""Entrants that never fail, on windows made to make them; and the compiled loops behind them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from turbo_forecast.models import level_kernel_set
from turbo_forecast.models.protocol import Window
from turbo_forecast.models.registry import NEVER_FAIL, build_entrant
from turbo_forecast.settings import forecast_settings
from turbo_forecast.turbo_prophet import cache

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
NOISE = RNG.uniform(0, 100, 2000)


def days(*parts: tuple[int, int]) -> np.ndarray:
    return np.concatenate([np.arange(first, last) for first, last in parts])


HISTORIES = {
    "one point": (np.array([20_000]), np.array([42.0])),
    "two points": (np.array([20_000, 20_001]), np.array([0.0, 100.0])),
    "two points years apart": (np.array([19_000, 20_500]), np.array([0.0, 100.0])),
    "constant": (days((19_000, 19_900)), np.full(900, 37.3)),
    "zero": (days((19_000, 19_900)), np.zeros(900)),
    "saturated": (days((19_000, 19_900)), np.where(NOISE[:900] < 50, 0.0, 100.0)),
    "full after empty": (days((19_000, 19_900)), np.repeat([0.0, 100.0], 450)),
    "a gap of a year": (days((19_000, 19_300), (19_700, 19_900)), NOISE[:500]),
    "a gap of two years": (days((19_000, 19_300), (20_030, 20_032)), NOISE[:302]),
    "one point after a gap of two years": (np.append(days((19_000, 19_300)), 20_030), NOISE[:301]),
    "sixty days": (days((19_000, 19_060)), NOISE[:60]),
    "seventy-one days": (days((19_000, 19_071)), NOISE[:71]),
    "Mondays only": (np.arange(19_000, 19_900, 7), NOISE[:129]),
    "before 1970": (days((-500, -100)), NOISE[:400]),
    "five years": (days((18_000, 19_826)), NOISE[:1826]),
}
WAITS = {"at once": (1, 31), "after a year's silence": (366, 550), "two years": (1, 731)}


@pytest.mark.parametrize("name", NEVER_FAIL)
@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("history", HISTORIES)
def test_every_window_has_a_finite_answer_in_order(name: str, history: str, wait: str) -> None:
    known, y = HISTORIES[history]
    first, last = WAITS[wait]
    known, y = known.copy(), y.copy()
    known.setflags(write=False)  # as a run hands them out
    y.setflags(write=False)
    asked = np.arange(known[-1] + first, known[-1] + last)
    found = build_entrant(name, forecast_settings()).forecast(Window(known, y, asked, 7))
    assert found.yhat.shape == found.lower.shape == found.upper.shape == asked.shape
    assert np.isfinite(found.yhat).all()
    assert not np.isnan(found.lower).any()
    assert not np.isnan(found.upper).any()
    if name != "seasonal_naive":
        assert np.isfinite(found.lower).all()
        assert np.isfinite(found.upper).all()
    assert (found.lower <= found.yhat).all()
    assert (found.yhat <= found.upper).all()


@pytest.mark.parametrize("name", [name for name in NEVER_FAIL if name != "seasonal_naive"])
@pytest.mark.parametrize("level", [0.0, 37.3, 100.0])
def test_a_constant_series_stays_what_it_is(name: str, level: float) -> None:
    known = np.arange(19_000, 19_900)
    asked = np.arange(19_900, 20_080)
    found = build_entrant(name, forecast_settings()).forecast(Window(known, np.full(900, level), asked, 7))
    for values in (found.yhat, found.lower, found.upper):
        np.testing.assert_allclose(values, level, atol=1e-9)


ANSWER = """
import sys
import numpy as np
from turbo_forecast.models.protocol import Window
from turbo_forecast.models.registry import NEVER_FAIL, build_entrant
from turbo_forecast.settings import forecast_settings

y = np.random.default_rng(1).uniform(0, 100, 800)
for name in NEVER_FAIL:
    found = build_entrant(name, forecast_settings()).forecast(Window(np.arange(800), y, np.arange(800, 980), 1))
    print(name, found.yhat.tobytes().hex(), found.lower.tobytes().hex(), found.upper.tobytes().hex())
heavy = {"pandas", "prophet", "matplotlib", "cmdstanpy", "statsforecast", "dagster"}
print(sorted(heavy & set(sys.modules)))
"""


def run(code: str, **environment: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True).stdout


@pytest.mark.slow
def test_every_process_gives_the_same_bytes_and_imports_nothing_heavy() -> None:
    first = run(ANSWER)
    assert first == run(ANSWER, OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1")
    assert first.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_kernels_are_compiled_once_by_the_parent_and_workers_load_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = (
        "import sys; from turbo_forecast.models.registry import prepare_entrants;"
        "from turbo_forecast.settings import forecast_settings;"
        "prepare_entrants(forecast_settings(entrants=['reverting_level', 'recent_level', 'recent_quarter']), print);"
        "print('numba' in sys.modules)"
    )
    where = {"NUMBA_CACHE_DIR": str(tmp_path)}
    first = run(prepare, **where).splitlines()
    assert len(first) == 3
    assert "compiling" in first[0]
    assert "compiled in" in first[1]
    assert first[2] == "False"
    assert run(prepare, **where).splitlines() == ["False"]
    load = (
        "from turbo_forecast.models.level_kernels import compile_kernels, recent, reverting; compile_kernels();"
        "print([sum(kernel.stats.cache_misses.values()) for kernel in (recent, reverting)])"
    )
    assert run(load, **where).strip() == "[0, 0]"


def test_without_a_folder_for_kernels_a_person_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "cache_folder", lambda: None)
    said: list[str] = []
    level_kernel_set.prepare(forecast_settings(), said.append)
    assert len(said) == 1
    assert "each worker compiles its own" in said[0]
