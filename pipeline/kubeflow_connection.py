"""What a person gives to reach Kubeflow Pipelines: an address, a token, certificates."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Final

import httpx

from catalogues.errors import InputError

TOKEN_VARIABLE: Final = "ARTIST_SIM_KUBEFLOW_TOKEN"
TOKEN_FILE: Final = "/var/run/secrets/kubeflow/pipelines/token"
"""Where a pod has the token that Kubeflow Pipelines accepts, if its manifest asks for one."""


def read_token(file: Path | None) -> str | None:
    """The bearer token: of the file, else of the variable, else the pod's own, else none.

    Raises:
      InputError: the file cannot be read, or holds no token.
    """
    given = os.environ.get(TOKEN_VARIABLE)
    if file is None and given:
        return _checked_token(given, TOKEN_VARIABLE)
    if file is None and not os.path.exists(TOKEN_FILE):
        return None
    path = file or Path(TOKEN_FILE)
    try:
        return _checked_token(path.read_text(encoding="utf-8"), f"the file '{path.name}'")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise InputError(
            f"The token cannot be read from '{path.name}' ({why}); name its file with "
            f"--token-file, or set {TOKEN_VARIABLE}."
        ) from None


def _checked_token(text: str, where: str) -> str:
    token = text.strip()
    # What a library refuses, it quotes.
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            f"There is no bearer token in {where}: printable characters without spaces are "
            "expected; put the token there, and nothing else."
        )
    return token


def checked_host(host: str) -> str:
    """The URL without a slash at its end.

    Raises:
      InputError: it is none, or has credentials in it.
    """
    try:
        # httpx would write a space in a name in another way, and look for that.
        url = httpx.URL("" if len(host.split()) > 1 else host.strip())
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.userinfo:
        raise InputError(
            f"--host must not have a name and password in it; give a token in {TOKEN_VARIABLE}, or "
            "its file with --token-file."
        )
    if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
        raise InputError(
            f"--host '{host}' is not the URL of Kubeflow Pipelines; give one such as "
            "'https://kubeflow.example.com/pipeline' or 'http://127.0.0.1:8888'."
        )
    return str(url).rstrip("/")


def trusted(host: str, ca_file: Path | None) -> ssl.SSLContext:
    """By what certificates are verified: those of a file, or the system's.

    Raises:
      InputError: there are none in the file.
    """
    if ca_file is None and host.startswith("http://"):
        # It trusts nobody, and reads no certificates, which takes time.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        why = (ca_file and error.strerror) or "they cannot be read"
        raise InputError(
            f"--ca-file '{ca_file and ca_file.name}' holds no certificates in PEM form ({why}); "
            "name such a file."
        ) from None
