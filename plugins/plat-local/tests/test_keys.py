from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509.verification import PolicyBuilder, Store

from plat_local._pki import SERVICE_IP, make_keys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = make_keys(NOW)


def certificate(name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(KEYS[f"{name}.crt"])


@pytest.mark.parametrize(
    ("name", "authority"),
    [
        ("apiserver", "ca"),
        ("admin", "ca"),
        ("kwok", "ca"),
        ("kube-controller-manager", "ca"),
        ("kube-scheduler", "ca"),
        ("etcd", "etcd-ca"),
        ("etcd-client", "etcd-ca"),
    ],
)
def test_every_certificate_has_its_key_and_its_authority(name: str, authority: str) -> None:
    signed = certificate(name)
    signed.verify_directly_issued_by(certificate(authority))
    key = load_pem_private_key(KEYS[f"{name}.key"], password=None)
    assert key.public_key() == signed.public_key()


@pytest.mark.parametrize(
    ("name", "user", "groups"),
    [
        ("admin", "plat-local-admin", ["system:masters"]),
        ("kube-controller-manager", "system:kube-controller-manager", []),
        ("kube-scheduler", "system:kube-scheduler", []),
    ],
)
def test_the_api_server_reads_user_and_group(name: str, user: str, groups: list[str]) -> None:
    subject = certificate(name).subject
    assert [a.value for a in subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)] == [user]
    assert [a.value for a in subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)] == groups


@pytest.mark.parametrize(("name", "authority"), [("apiserver", "ca"), ("etcd", "etcd-ca")])
def test_servers_are_trusted_on_loopback(name: str, authority: str) -> None:
    store = Store([certificate(authority)])
    verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName("localhost"))
    assert verifier.verify(certificate(name), [])
    names = certificate(name).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "127.0.0.1" in [str(address) for address in names.get_values_for_type(x509.IPAddress)]


def test_pods_may_trust_the_api_server_by_its_service() -> None:
    names = certificate("apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert SERVICE_IP in [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)


def test_who_may_talk_to_the_api_may_not_talk_to_etcd() -> None:
    assert certificate("ca").public_key() != certificate("etcd-ca").public_key()
    with pytest.raises(ValueError, match="Issuer"):
        certificate("admin").verify_directly_issued_by(certificate("etcd-ca"))


@pytest.mark.parametrize("name", [name.removesuffix(".crt") for name in KEYS if name.endswith(".crt")])
def test_certificates_bear_a_wrong_clock_and_live_long(name: str) -> None:
    signed = certificate(name)
    assert signed.not_valid_before_utc < NOW - timedelta(minutes=30)
    assert signed.not_valid_after_utc > NOW + timedelta(days=3000)


def test_the_service_accounts_key_is_a_pair() -> None:
    key = load_pem_private_key(KEYS["sa.key"], password=None)
    assert load_pem_public_key(KEYS["sa.pub"]) == key.public_key()


def test_openssl_reads_them(tmp_path: Path) -> None:
    for name, content in KEYS.items():
        (tmp_path / name).write_bytes(content)
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    context.load_cert_chain(tmp_path / "admin.crt", tmp_path / "admin.key")


def test_no_two_clusters_share_a_key() -> None:
    other = make_keys(NOW)
    assert not {content for name, content in KEYS.items() if name.endswith(".key")} & set(other.values())
