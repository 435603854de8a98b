"""The REST interface of Kubeflow Pipelines (v2beta1): one request at a time, and what can go wrong.

Why not `kfp.Client` 2.5.0: it takes 5 seconds to import (httpx 0.3); reads cookies and a namespace
from `~/.config/kfp`; asks `/healthz` five times, five seconds apart, when it is made without a
namespace and nothing answers; has no time-outs; ends in stack traces that quote answers as a whole;
prints links; and ignores `enable_caching` where an uploaded version is run. What is asked here is a
dozen paths of JSON.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import httpx

from catalogues.errors import InputError
from pipeline.kubeflow_connection import TOKEN_VARIABLE, checked_host, trusted
from serving.retries import RetryPolicy

_ROOT: Final = "/apis/v2beta1"
_PAGE: Final = 100
_LONGEST_DETAIL: Final = 300
_HIDDEN: Final = "(token)"


class KubeflowError(InputError):
    """Kubeflow Pipelines gave no usable answer. Its text is one sentence, without the token."""


class NotFound(KubeflowError):
    """What was asked for is not there."""


class AlreadyThere(KubeflowError):
    """What was to be made is there."""


class KubeflowClient:
    """Asks one server. A context manager; no request is made before a method is called.

    Questions (GET) are asked again, with growing waits, while the server cannot be reached or
    fails. What changes something is sent once: a server may have done what it did not answer.

    Args:
      host: URL below which `/apis/v2beta1` lies.
      token: sent as `authorization: Bearer`; it is never followed to another address.
      namespace: of the pipelines and runs, where the installation has several users; '' for none.
      ca_file: certificates to trust in place of the system's.
      timeout: seconds that a request may take, those that are tried again included.
      retry: how often and how far apart questions are asked again.

    Raises:
      InputError: the host is no URL, or there are no certificates in the file.
    """

    def __init__(
        self,
        host: str,
        *,
        token: str | None = None,
        namespace: str = "",
        ca_file: Path | None = None,
        timeout: float = 30.0,
        retry: RetryPolicy = RetryPolicy(attempts=4, first_wait=0.5),  # noqa: B008 (frozen)
    ):
        self.host = checked_host(host)
        self.namespace = namespace
        self._token, self._timeout, self._retry = token, timeout, retry
        try:
            self._http = httpx.Client(
                headers={"authorization": f"Bearer {token}"} if token else {},
                verify=trusted(self.host, ca_file),
            )
        except (ValueError, ImportError) as error:
            # Of HTTP_PROXY and the like, which httpx reads.
            raise KubeflowError(
                f"The proxy of the environment cannot be used ({self._said(str(error))}); correct "
                "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY."
            ) from None

    def __enter__(self) -> KubeflowClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """Asks for the JSON object at a path below `/apis/v2beta1`.

        Raises:
          NotFound: there is none.
          KubeflowError: there is no usable answer.
        """
        end = time.monotonic() + self._timeout
        failures = 0
        while True:
            wait = self._retry.wait(failures + 1)
            last = failures + 1 >= self._retry.attempts or time.monotonic() + wait >= end
            try:
                response = self._send("GET", path, end - time.monotonic(), params=parameters)
            except httpx.RequestError as error:
                if last or _is_distrust(error):
                    raise self._unreachable(error, changes=False) from None
            else:
                if last or response.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return self._read(response, changes=False)
            time.sleep(wait)
            failures += 1

    def items(self, path: str, key: str, **parameters: str | int) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page, as they are read.

        Args:
          path: of the list.
          key: of the items in an answer.
          parameters: of the query.

        Raises:
          KubeflowError: there is no usable answer.
        """
        seen: set[str] = set()
        token = ""
        while True:
            paging: dict[str, str | int] = {"page_size": _PAGE}
            if token:
                paging["page_token"] = token
            page = self.get(path, **parameters, **paging)
            yield from page.get(key) or []
            token = page.get("next_page_token") or ""
            if not token:
                return
            if token in seen:
                raise KubeflowError(
                    f"{self.host} gives the pages of {path} in a circle; tell whoever runs it."
                )
            seen.add(token)

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, **parameters: str
    ) -> dict[str, Any]:
        """Sends a JSON object, once.

        Raises:
          NotFound: what is to be changed is not there.
          AlreadyThere: what is to be made is.
          KubeflowError: there is no usable answer.
        """
        return self._change("POST", path, params=parameters, json=body)

    def upload(
        self, path: str, text: str, parameters: Mapping[str, str], file_name: str
    ) -> dict[str, Any]:
        """Sends a file, once; raises what `post` does.

        Args:
          path: to send it to.
          text: of the file.
          parameters: of the query.
          file_name: whose ending says what it is.
        """
        file = (file_name, text.encode(), "application/yaml")
        return self._change("POST", path, params=parameters, files={"uploadfile": file})

    def delete(self, path: str, **parameters: str) -> None:
        """Deletes what lies at a path; raises what `post` does."""
        self._change("DELETE", path, params=parameters)

    def _change(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        try:
            response = self._send(method, path, self._timeout, **sent)
        except httpx.RequestError as error:
            raise self._unreachable(error, changes=True) from None
        return self._read(response, changes=True)

    def _send(self, method: str, path: str, timeout: float, **sent: Any) -> httpx.Response:
        return self._http.request(
            method, f"{self.host}{_ROOT}{path}", timeout=max(timeout, 0.001), **sent
        )

    def _unreachable(self, error: httpx.RequestError, *, changes: bool) -> KubeflowError:
        if isinstance(error, httpx.TimeoutException):
            mend = f"; {_DONE_OR_NOT}" if changes else "; see whether it is well, and try again"
            return KubeflowError(
                f"{self.host} did not answer within {self._timeout:g} seconds{mend}."
            )
        if _is_distrust(error):
            return KubeflowError(
                f"The certificate of {self.host} is not trusted ({self._said(str(error))}); name "
                "the certificates of its authority with --ca-file."
            )
        if isinstance(error, (httpx.ConnectError, httpx.ProxyError)):
            return KubeflowError(
                f"{self.host} cannot be reached ({self._said(str(error))}); check --host, and "
                "whether the way there is open (`kubectl port-forward -n kubeflow "
                "svc/ml-pipeline 8888`)."
            )
        mend = _DONE_OR_NOT if changes else "try again"
        said = self._said(str(error)) or type(error).__name__
        return KubeflowError(f"The connection to {self.host} broke ({said}); {mend}.")

    def _read(self, response: httpx.Response, *, changes: bool) -> dict[str, Any]:
        """The JSON object of an answer; raises KubeflowError for all others."""
        status = response.status_code
        try:
            answer = response.json()
        except (ValueError, UnicodeDecodeError):
            answer = None
        if response.is_success and isinstance(answer, dict):
            return answer
        said = self._said(_message(answer))
        told = f"{status}: {said}" if said else str(status)
        if response.is_redirect and (place := _moved(response)):
            raise KubeflowError(f"{self.host} has moved ({status}); give --host {place}.")
        if status == httpx.codes.UNAUTHORIZED or response.is_redirect:
            if self._token:
                mend = "it is wrong or has run out, or is meant for another service; renew it"
                raise KubeflowError(f"{self.host} does not accept the token ({told}): {mend}.")
            raise KubeflowError(
                f"{self.host} asks who you are ({told}); set a token in {TOKEN_VARIABLE}, or name "
                "its file with --token-file."
            )
        if status == httpx.codes.FORBIDDEN:
            mend = "check --namespace, and what the token's account may do there"
            raise KubeflowError(f"{self.host} does not allow this ({told}); {mend}.")
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            mend = _DONE_OR_NOT if changes else "its log says why; try again later"
            raise KubeflowError(f"{self.host} fails ({told}); {mend}.")
        if not isinstance(answer, dict):
            # A proxy, the page of a login, or the user interface.
            raise KubeflowError(
                f"{self.host} answers with something that is not its interface's JSON ({status}); "
                "check --host: below it must lie /apis/v2beta1, mostly at "
                "http://ml-pipeline.kubeflow:8888 inside the cluster, and at …/pipeline outside."
            )
        if status == httpx.codes.NOT_FOUND:
            raise NotFound(f"{self.host} does not have it ({told}).")
        if status == httpx.codes.CONFLICT:
            raise AlreadyThere(f"{self.host} has it already ({told}).")
        mend = "" if self.namespace else "; where it has several users, it needs --namespace"
        raise KubeflowError(f"{self.host} refuses the request ({told}){mend}.")

    def _said(self, text: str) -> str:
        """What a server or library says: on one line, not too long, and never the token."""
        if self._token:
            text = text.replace(self._token, _HIDDEN)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split()).rstrip(".")
        return text if len(text) <= _LONGEST_DETAIL else f"{text[: _LONGEST_DETAIL - 1]}…"


_DONE_OR_NOT: Final = (
    "it may have done it all the same, so look first: `artist-sim kubeflow runs` and "
    "`artist-sim kubeflow schedule list`"
)


def filter_of(*predicates: Mapping[str, Any]) -> str:
    """The parameter `filter` of a list: all of the predicates must hold."""
    return json.dumps({"predicates": list(predicates)})


def _message(answer: Any) -> str:
    """Of gRPC's gateway, or of the server of uploads."""
    if not isinstance(answer, dict):
        return ""
    found = answer.get("message") or answer.get("error_message") or answer.get("error")
    return found if isinstance(found, str) else ""


def _moved(response: httpx.Response) -> str:
    """The host that a redirect names, unless it is to the page of a login."""
    asked, _, place = str(response.url.copy_with(query=None)).partition(_ROOT)
    found, root, rest = response.headers.get("location", "").partition("?")[0].partition(_ROOT)
    return found if root and rest == place and found not in ("", asked) else ""


def _is_distrust(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
