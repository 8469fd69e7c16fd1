"""A server that is reached with TLS has to prove its name; where it cannot, no password is sent."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from gastown_core.beads.opening import open_store
from gastown_core.errors import StoreError
from tests.support.dolt import Server, needs_dolt, serve, shared_server

pytestmark = [
    needs_dolt,
    pytest.mark.dolt,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate with"),
]


@pytest.fixture
def encrypted():
    """A server with TLS, and the path of its certificate for 127.0.0.1."""
    data = tempfile.mkdtemp(prefix="gt-dolt-")
    key, certificate = f"{data}/key.pem", f"{data}/cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=dolt"]
    named = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([*words, *named], check=True, capture_output=True)
    made = Server(data, tls=(key, certificate))
    yield made, certificate
    made.stop()
    shutil.rmtree(data, ignore_errors=True)


def test_a_server_with_a_certificate_that_is_trusted_is_used(encrypted, tmp_path, monkeypatch):
    server, certificate = encrypted
    database = server.new_database()
    beads = str(tmp_path / ".beads")
    serve(beads, server, database, dolt_server_tls=True)
    with pytest.raises(StoreError, match="does not prove who it is"):
        open_store(beads, prefix="gt")
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    store = open_store(beads, prefix="gt")
    with store.write("me") as batch:
        made = batch.create({"title": "over TLS"})
    assert store.get(made.id).title == "over TLS" and store.link._raw._sock.version().startswith("TLS")
    store.close()


def test_a_server_without_tls_gets_no_password_if_tls_is_asked_for(tmp_path, monkeypatch):
    server = shared_server()
    beads = str(tmp_path / ".beads")
    serve(beads, server, server.new_database(), dolt_server_tls=True)
    monkeypatch.setenv("BEADS_DOLT_PASSWORD", "secret")
    with pytest.raises(StoreError, match="does not prove who it is") as caught:
        open_store(beads, prefix="gt")
    assert "SSL_CERT_FILE" in caught.value.hint and not Path(beads, "issues.jsonl").exists()
