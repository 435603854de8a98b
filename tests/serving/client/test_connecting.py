"""What the client needs before it asks: few imports, TLS, and arguments of use."""

from __future__ import annotations

import datetime
import subprocess
import sys

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from serving.client import Client
from serving.errors import Unavailable
from tests.serving.client.small_catalogue import SOON, TOKEN


def test_the_client_does_not_import_tensorflow():
    code = "import sys, serving.client; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_grpc_over_tls(server):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server.close_grpc()
    server.address = "localhost:0"
    server.open_grpc(grpc.ssl_server_credentials([(private, certificate)]))
    trusting = grpc.ssl_channel_credentials(certificate)
    with Client(server.address, credentials=trusting, token=TOKEN) as client:
        assert client.embed(["a"]).known.tolist() == [True]
    assert server.asked[-1][3] == f"Bearer {TOKEN}"
    with Client(server.address, retry=SOON) as plain, pytest.raises(Unavailable):
        plain.embed(["a"])


@pytest.mark.parametrize(
    "arguments",
    [
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"max_batch": 0},
        {"token": f"{TOKEN}\n"},
        {"token": f"{TOKEN} x"},
        {"rest_address": "ftp://host"},
    ],
)
def test_arguments_of_no_use_are_refused_without_the_token(arguments):
    with pytest.raises(ValueError) as raised:
        Client("127.0.0.1:1", **arguments)
    assert TOKEN not in str(raised.value)
    assert next(iter(arguments)) in str(raised.value)
