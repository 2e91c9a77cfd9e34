"""MLflow behind TLS: whose certificate is trusted, by which variable, and what is said where it is not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.stores.errors import StoreRefused, StoreUnavailable
from deploy.stores.mlflow.registry import Registry
from tests.deploy.stores.mlflow.answers import Answering, answering

INSECURE, AUTHORITY, CLIENT = (
    f"MLFLOW_TRACKING_{each}" for each in ("INSECURE_TLS", "SERVER_CERT_PATH", "CLIENT_CERT_PATH")
)


pytestmark = pytest.mark.usefixtures("nobody")


@dataclass(frozen=True)
class Authority:
    """Signs certificates, and keeps each beside its key in one file."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", ec.generate_private_key(ec.SECP256R1()))
        own = self._sign(self.name, self._key, None)
        self.file.write_bytes(own.public_bytes(Encoding.PEM))

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.pem"

    def issue(self, name: str, address: str = "127.0.0.1", password: str = "") -> Path:
        """A file with certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        secrecy = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        file = self.folder / f"{self.name}-{name}.pem"
        kept = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secrecy)
        file.write_bytes(kept + self._sign(name, key, address).public_bytes(Encoding.PEM))
        return file

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey, address: str | None) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=address is None, path_length=None), critical=True)
        )
        if address is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        return builder.sign(self._key, SHA256())  # type: ignore[attr-defined]


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "theirs")


@contextmanager
def behind_tls(certificate: Path, clients: Authority | None = None) -> Iterator[Answering]:
    """A server with this certificate; with `clients` only whoever has one of theirs is heard."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.file)
    with answering(context=context) as there:
        yield there


def refusal(url: str) -> str:
    """The one line of a question that cannot be asked, which is also the answer to whether the server is there."""
    registry = Registry(url, "shop")
    with pytest.raises((StoreUnavailable, StoreRefused)) as raised:
        registry.versions()
    with pytest.raises(type(raised.value)) as again:
        registry.ready()
    assert str(raised.value) == str(again.value)
    return str(raised.value)


def test_a_server_whose_authority_is_named_is_trusted(ours: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AUTHORITY, str(ours.file))
    with behind_tls(ours.issue("server")) as there:
        registry = Registry(there.url, "shop")
        assert (registry.ready(), registry.versions()) == (True, [])


@pytest.mark.parametrize(
    ("named", "address", "said"),
    [
        ("", "127.0.0.1", "unable to get local issuer certificate"),
        ("theirs", "127.0.0.1", "unable to get local issuer certificate"),
        ("ours", "127.0.0.2", "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
)
def test_another_certificate_is_refused_with_the_reason_and_the_variable(
    ours: Authority, theirs: Authority, monkeypatch: pytest.MonkeyPatch, named: str, address: str, said: str
) -> None:
    if named:
        monkeypatch.setenv(AUTHORITY, str({"ours": ours, "theirs": theirs}[named].file))
    with behind_tls(ours.issue("server", address)) as there:
        line = refusal(there.url)
    assert line == (
        f"MLflow at {there.url} is not trusted: {said}; {AUTHORITY} names the file of the authority that signed its "
        "certificate"
    )
    assert there.asked == [], "nothing was said to a stranger"


def test_the_named_authority_holds_also_where_another_bundle_is_set_for_all_requests(
    ours: Authority, theirs: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(theirs.file))
    monkeypatch.setenv(AUTHORITY, str(ours.file))
    with behind_tls(ours.issue("server")) as there:
        assert Registry(there.url, "shop").versions() == []


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize("bundle", [False, True], ids=["alone", "beside another bundle"])
def test_whoever_wants_no_verification_gets_none(
    ours: Authority, theirs: Authority, monkeypatch: pytest.MonkeyPatch, bundle: bool
) -> None:
    if bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(theirs.file))
    monkeypatch.setenv(INSECURE, "true")
    with behind_tls(ours.issue("server", "127.0.0.2")) as there:
        assert Registry(there.url, "shop").versions() == []


def test_a_certificate_of_whoever_asks_is_sent(
    ours: Authority, theirs: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(AUTHORITY, str(ours.file))
    monkeypatch.setenv(CLIENT, str(theirs.issue("ann")))
    with behind_tls(ours.issue("server"), clients=theirs) as there:
        assert Registry(there.url, "shop").versions() == []
    assert there.asked[0].asker["subject"] == ((("commonName", "ann"),),)


@pytest.mark.parametrize(
    ("sent", "alert"), [(False, "TLSV13_ALERT_CERTIFICATE_REQUIRED"), (True, "TLSV1_ALERT_UNKNOWN_CA")]
)
def test_a_server_that_wants_another_certificate_of_whoever_asks_is_said_with_the_variable(
    ours: Authority, theirs: Authority, monkeypatch: pytest.MonkeyPatch, sent: bool, alert: str
) -> None:
    monkeypatch.setenv(AUTHORITY, str(ours.file))
    if sent:
        monkeypatch.setenv(CLIENT, str(ours.issue("ann")))
    with behind_tls(ours.issue("server"), clients=theirs) as there:
        line = refusal(there.url)
    assert line == (
        f"MLflow at {there.url} does not accept who asks ({alert}); {CLIENT} names the file with a certificate that it "
        "trusts, and its key"
    )


def test_a_file_that_is_not_there_or_holds_something_else_is_named_with_its_variable(
    ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing, text = ours.folder / "missing.pem", ours.folder / "text.pem"
    text.write_text("no certificate")
    with behind_tls(ours.issue("server")) as there:
        for path in (missing, text):
            monkeypatch.setenv(AUTHORITY, str(path))
            assert refusal(there.url).startswith(f"{AUTHORITY}: {path} holds no certificate that can be read: ")
        monkeypatch.setenv(AUTHORITY, str(ours.file))
        for path in (missing, text, ours.file, ours.issue("ann", password="secret")):
            monkeypatch.setenv(CLIENT, str(path))
            assert refusal(there.url).startswith(f"{CLIENT}: {path} holds no certificate with its unencrypted key: ")


def test_two_variables_that_contradict_each_other_and_an_unknown_word_are_refused(
    ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(AUTHORITY, str(ours.file))
    monkeypatch.setenv(INSECURE, "1")
    assert refusal("https://127.0.0.1:9") == f"{INSECURE} and {AUTHORITY} contradict each other: set one of them"
    monkeypatch.setenv(INSECURE, "perhaps")
    assert refusal("https://127.0.0.1:9") == f"{INSECURE} is 'perhaps': expected true, false, 1 or 0"
