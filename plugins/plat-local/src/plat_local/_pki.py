"""Certificates and keys of one local cluster: two authorities, what each signs, and the service accounts' key.

Nothing here touches the disk. Elliptic curves, because making and checking them is quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ALIVE: Final = timedelta(days=3650)
_EARLY: Final = timedelta(hours=1)
"""Certificates begin a little in the past: clocks of virtual machines jump."""
SERVICE_IP: Final = "10.96.0.1"
"""The first address of the services' range: what pods know as the API server."""
_API_NAMES: Final = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True, kw_only=True)
class _Leaf:
    """One certificate. The API server reads the user from `name` and the groups from `group`."""

    file: str
    name: str
    group: str = ""
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


_CLUSTER: Final = (
    _Leaf(file="apiserver", name="kube-apiserver", hosts=_API_NAMES, addresses=("127.0.0.1", SERVICE_IP)),
    _Leaf(file="admin", name="plat-local-admin", group="system:masters"),
    _Leaf(file="kwok", name="plat-local-kwok", group="system:masters"),
    _Leaf(file="kube-controller-manager", name="system:kube-controller-manager"),
    _Leaf(file="kube-scheduler", name="system:kube-scheduler"),
)
_ETCD: Final = (
    _Leaf(file="etcd", name="etcd", hosts=("localhost",), addresses=("127.0.0.1",)),
    _Leaf(file="etcd-client", name="kube-apiserver"),
)


def make_keys(now: datetime) -> Mapping[str, bytes]:
    """Return all files by name, each PEM: `X.crt` with `X.key`, and `sa.key` with `sa.pub`."""
    accounts = ec.generate_private_key(ec.SECP256R1())
    files = {"sa.key": _private(accounts), "sa.pub": _public(accounts)}
    for authority, leaves in (("ca", _CLUSTER), ("etcd-ca", _ETCD)):
        files.update(_family(authority, leaves, now))
    return files


def _family(authority: str, leaves: tuple[_Leaf, ...], now: datetime) -> dict[str, bytes]:
    """Return an authority and all that it signs. etcd has its own: who may talk to the API may not talk to etcd."""
    signer = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"plat-local-{authority}")])
    root = (
        _begin(issuer, signer.public_key(), now)
        .issuer_name(issuer)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    files = {f"{authority}.crt": _certificate(root), f"{authority}.key": _private(signer)}
    for leaf in leaves:
        key = ec.generate_private_key(ec.SECP256R1())
        by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        unsigned = _leaf(leaf, key.public_key(), now).issuer_name(issuer).add_extension(by, critical=False)
        signed = unsigned.sign(signer, hashes.SHA256())
        files |= {f"{leaf.file}.crt": _certificate(signed), f"{leaf.file}.key": _private(key)}
    return files


def _leaf(leaf: _Leaf, key: ec.EllipticCurvePublicKey, now: datetime) -> x509.CertificateBuilder:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, leaf.group)] if leaf.group else []
    subject = x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, leaf.name)])
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if leaf.addresses:
        purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
    builder = (
        _begin(subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    )
    if not leaf.addresses:
        return builder
    names = [*map(x509.DNSName, leaf.hosts), *(x509.IPAddress(ip_address(a)) for a in leaf.addresses)]
    return builder.add_extension(x509.SubjectAlternativeName(names), critical=False)


def _begin(subject: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + ALIVE)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _public(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)
