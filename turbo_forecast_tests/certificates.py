"""Certificates for servers and clients on loopback, made for a test."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


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
