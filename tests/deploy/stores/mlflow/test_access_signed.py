"""MLflow behind a door that wants each question signed: by AWS, or by a plugin of MLflow's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from deploy.stores.errors import StoreRefused
from deploy.stores.mlflow.registry import Registry
from tests.deploy.stores.mlflow.answers import Question, answering

SIGV4, PLUGIN = "MLFLOW_TRACKING_AWS_SIGV4", "MLFLOW_TRACKING_AUTH"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a secret", "AWS_SESSION_TOKEN": "of a role"}


@pytest.fixture(autouse=True)
def no_keys(nobody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in (*KEYS, "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # no machine of AWS is asked for keys


@pytest.fixture
def package() -> None:
    """What signs for MLflow's own client."""
    pytest.importorskip("requests_auth_aws_sigv4", reason="requests-auth-aws-sigv4 is not installed")


def refusal() -> str:
    with answering() as there:
        registry = Registry(there.url, "shop")
        with pytest.raises(StoreRefused) as raised:
            registry.versions()
        for question in (registry.ready, registry.ensure_model):  # the last by MLflow's own library
            with pytest.raises(StoreRefused) as again:
                question()
            assert str(again.value) == str(raised.value)
    assert there.asked == [], "nothing is asked as nobody"
    return str(raised.value)


def as_aws_signs(question: Question) -> str:
    """The signature that AWS's own library expects of it, from what arrived."""
    there, headers = urlsplit(question.path), question.headers
    signed = {
        name: headers[name]
        for name in headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    }
    request = AWSRequest(
        question.method, f"http://{headers['Host']}{there.path}", signed, question.body, parse_qsl(there.query)
    )
    request.context["timestamp"] = headers["X-Amz-Date"]
    signer = SigV4Auth(
        Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"]), "execute-api", "eu-west-1"
    )
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


@pytest.mark.usefixtures("package")
def test_each_question_carries_the_signature_that_aws_computes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**KEYS, "AWS_DEFAULT_REGION": "eu-west-1", SIGV4: "true"}.items():
        monkeypatch.setenv(name, value)
    with answering() as there:
        registry = Registry(there.url, "it's a shop/ü+&")
        registry.versions()
        registry.set_tag("1", "delivery", "promoted")

    assert [each.method for each in there.asked] == ["GET", "POST"]
    for each in there.asked:
        word = each.headers["Authorization"]
        assert word.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert each.headers["X-Amz-Security-Token"] == "of a role"
        assert word.partition("Signature=")[2] == as_aws_signs(each)
    assert dict(parse_qsl(urlsplit(there.asked[0].path).query))["filter"] == "name = 'it's a shop/ü+&'"


def test_without_the_package_that_signs_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requests_auth_aws_sigv4.py").write_text("raise ImportError('half an installation')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv(SIGV4, "true")
    code = "from tests.deploy.stores.mlflow.test_access_signed import refusal; print(refusal())"
    assert printed(code) == f"{SIGV4} needs a package: pip install requests-auth-aws-sigv4\n"


def printed(code: str, *arguments: str) -> str:
    """What a program prints in a process of its own, which finds other packages."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, timeout=400, check=False, cwd=Path(__file__).parents[4],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("set_up", "said"),
    [
        ({}, "boto3 finds no keys to sign with: configure it"),
        (KEYS, "boto3 finds no region to sign with: configure it"),
        ({"AWS_PROFILE": "nobody"}, "boto3 cannot read its keys: The config profile (nobody) could not be found"),
    ],
)
def test_without_keys_or_region_one_line_says_which(
    monkeypatch: pytest.MonkeyPatch, set_up: dict[str, str], said: str
) -> None:
    for name, value in {**set_up, SIGV4: "true"}.items():
        monkeypatch.setenv(name, value)
    assert refusal() == f"{SIGV4}: {said}"


PLUGIN_CODE = """
from mlflow.tracking.request_auth.abstract_request_auth_provider import RequestAuthProvider

class Token:
    def __init__(self, number):
        self.number = number
    def __call__(self, request):
        if self.number > 2:
            raise ValueError("no more\\ntokens")
        request.headers["Authorization"] = f"Bearer {self.number}"
        return request

class Provider(RequestAuthProvider):
    given = 0
    def get_name(self):
        return "counting"
    def get_auth(self):
        Provider.given += 1
        return Token(Provider.given)
"""
THREE_QUESTIONS = """
import sys
from deploy.stores.errors import StoreRefused
from deploy.stores.mlflow.registry import Registry
registry = Registry(sys.argv[1], "shop")
print(registry.versions(), registry.ready())
try:
    registry.versions()
except StoreRefused as error:
    print(error)
"""


def test_a_registered_plugin_is_asked_for_each_question_and_its_failure_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "counting_plugin.py").write_text(PLUGIN_CODE)
    about = tmp_path / "counting_plugin-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: counting-plugin\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[mlflow.request_auth_provider]\ncounting = counting_plugin:Provider\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv(PLUGIN, "counting")
    with answering() as there:
        told = printed(THREE_QUESTIONS, there.url)
    assert [each.headers["Authorization"] for each in there.asked] == ["Bearer 1", "Bearer 2"]
    assert told == f"[] True\n{PLUGIN}: the plugin 'counting' failed: no more tokens\n"


def test_a_plugin_that_is_not_installed_is_named_and_nothing_is_asked_as_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PLUGIN, "absent")
    assert refusal() == f"{PLUGIN}: no plugin of the name 'absent' is installed: install it, or unset it"
