"""One run at a time is at work on a store; what a dead one leaves does not keep the next one from it."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from turbo_forecast.addresses import parsed
from turbo_forecast.errors import StorageError
from turbo_forecast.processes import own_process
from turbo_forecast.storage.objects import lease as leases
from turbo_forecast.storage.objects.keys import LEASE
from turbo_forecast.storage.objects.lease import STALE, Claim, leased
from turbo_forecast.storage.objects.store import ObjectStore

ELSEWHERE = "77-123-4026531836-0123456789ab-00112233-1"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(parsed(f"file://{tmp_path}/objects", "--data"))


def claim(process: str = ELSEWHERE, ago: timedelta = timedelta(seconds=10)) -> bytes:
    then = datetime.now(UTC) - ago
    return Claim(process, "planner-2", then, then).content()


def test_it_is_there_while_the_block_lasts(store: ObjectStore) -> None:
    with leased(store) as lease:
        held = Claim.of(store.read(LEASE) or b"")
        assert held is not None
        assert held.process == lease.claim.process
        lease.require_held()
    assert store.read(LEASE) is None


def test_another_machines_run_is_named_and_left_alone(store: ObjectStore) -> None:
    before = claim()
    store.write(LEASE, before)
    sentence = r"in use by another run, process 77 of machine planner-2, since .*: wait for its end"
    with pytest.raises(StorageError, match=sentence), leased(store):
        pass
    assert store.read(LEASE) == before


@pytest.mark.parametrize(
    "left",
    [
        claim(ago=STALE + timedelta(seconds=1)),
        b"not JSON",
        b"{}",
        claim(own_process().stem().replace(str(own_process().pid), "4194305", 1)),
    ],
    ids=["not heard of", "damaged", "empty", "a process of this machine that is gone"],
)
def test_a_lease_that_is_over_is_taken(left: bytes, store: ObjectStore) -> None:
    store.write(LEASE, left)
    with leased(store) as lease:
        lease.require_held()


def test_who_was_taken_over_is_told_and_does_not_give_back_what_is_not_its_own(store: ObjectStore) -> None:
    with leased(store) as lease:
        store.write(LEASE, claim())
        with pytest.raises(StorageError, match="was taken over by another run"):
            lease.require_held()
    assert Claim.of(store.read(LEASE) or b"").process == ELSEWHERE  # type: ignore[union-attr]


def test_it_is_renewed_while_it_is_held(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEWED_SECONDS", 0.02)
    with leased(store) as lease:
        first = lease.claim.renewed
        deadline = datetime.now(UTC) + timedelta(seconds=30)
        while lease.claim.renewed == first:
            assert datetime.now(UTC) < deadline
    stored = store.read(LEASE)
    assert stored is None


def test_a_store_that_ignores_the_condition_of_a_creation_is_refused(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some servers that speak S3 do: two runs would then both be told that the commit is theirs."""

    def replace(self: ObjectStore, key: str, content: bytes) -> bool:
        self.write(key, content)
        return True

    monkeypatch.setattr(ObjectStore, "create", replace)
    sentence = "replaces an object that it was asked to create only where there is none"
    with pytest.raises(StorageError, match=sentence), leased(store):
        pytest.fail("the lease was given")
    assert store.read(LEASE) is None


def test_a_renewal_that_is_on_its_way_does_not_undo_the_end(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else another machine waits five minutes for a run that has ended."""
    over, reached, write = threading.Event(), threading.Event(), ObjectStore.write

    def late(self: ObjectStore, key: str, content: bytes) -> None:
        reached.set()
        over.wait(0.5)
        write(self, key, content)

    with leased(store) as lease:
        monkeypatch.setattr(ObjectStore, "write", late)
        renewal = threading.Thread(target=lease.renew)
        renewal.start()
        assert reached.wait(30)
    over.set()
    renewal.join(30)
    assert store.read(LEASE) is None
