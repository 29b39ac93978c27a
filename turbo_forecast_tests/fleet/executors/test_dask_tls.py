"""A Dask cluster over TLS, with certificates made for the test: reached with them, and not without."""

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from turbo_forecast.fleet.executors import dask_cluster
from turbo_forecast.fleet.executors.dask_cluster import ClusterLost
from turbo_forecast_tests.fleet.working import fleet

pytestmark = pytest.mark.xdist_group("dask")


class Authority:
    """A certificate authority, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
        certificate = self._built(self._name, self._key, authority=True)
        self.ca = self._written("ca.pem", certificate.public_bytes(serialization.Encoding.PEM))

    def pair(self, name: str) -> tuple[Path, Path]:
        """Files of a certificate for this machine and of its private key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._built(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, authority=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = certificate.public_bytes(serialization.Encoding.PEM)
        return self._written(f"{name}.pem", public), self._written(f"{name}-key.pem", private)

    def options(self, name: str) -> dict[str, str]:
        """The settings' files, for a client."""
        cert, key = self.pair(name)
        return {"ca": str(self.ca), "cert": str(cert), "key": str(key)}

    def _built(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(here, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _written(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        return path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def address(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The scheduler's address of a cluster over TLS, with one worker."""
    pytest.importorskip("distributed", reason="distributed is not installed: pip install 'turbo-forecast[dask]'")
    from turbo_forecast_tests.fleet.executors.dask_processes import DaskProcesses

    cert, key = authority.pair("cluster")
    options = ["--tls-ca-file", str(authority.ca), "--tls-cert", str(cert), "--tls-key", str(key)]
    cluster = DaskProcesses(tmp_path_factory.mktemp("dask-tls"), protocol="tls", options=options)
    try:
        cluster.start_scheduler()
        cluster.start_workers()
        yield cluster.address
    finally:
        cluster.end()


def test_a_run_over_tls_leaves_the_same_bytes(authority: Authority, address: str, tmp_path: Path) -> None:
    from turbo_forecast_tests.fleet.executors.dask_runs import run

    assert address.startswith("tls://")
    base = fleet(4)
    there = run(base, tmp_path / "there", "own:naive", "median", on=address, executor=authority.options("run"))
    assert there.digest == run(base, tmp_path / "here", "own:naive", "median").digest


def test_without_the_right_authority_nobody_comes_in(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from turbo_forecast_tests.fleet.executors.dask_runs import run

    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 3.0)
    wrong = Authority(tmp_path / "wrong").options("stranger")
    with pytest.raises(ClusterLost, match=f"^no Dask scheduler answers at {address}") as error:
        run(fleet(1), tmp_path, "own:naive", "median", on=address, executor=wrong)
    assert "\n" not in str(error.value)


def test_without_tls_nobody_comes_in(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from turbo_forecast_tests.fleet.executors.dask_runs import run

    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 3.0)
    plain = address.replace("tls://", "tcp://")
    with pytest.raises(ClusterLost, match=f"^no Dask scheduler answers at {plain}"):
        run(fleet(1), tmp_path, "own:naive", "median", on=plain)
