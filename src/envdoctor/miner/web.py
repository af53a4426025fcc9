"""Fetches over HTTP with the standard library: keeps connections, asks again, honours proxies and certificates.

Knows nothing of packages. Errors name the host and never the address, which may hold a password.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import os
import ssl
import time
import zlib
from urllib.parse import unquote, urljoin, urlsplit

from envdoctor.model.errors import ReleaseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

    Connection = http.client.HTTPConnection

TRIES = 5
TIMEOUT = 60.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})
_CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Answer:
    """A complete answer. `headers` has lower-case keys; `url` is where redirections led."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, url: str) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.url = url


class Client:
    """Asks for addresses; may be shared by threads. Connections wait for the next question until `close`."""

    def __init__(self, agent: str = "envdoctor", pause: float = 0.5) -> None:
        self._agent = agent
        self._pause = pause
        self._idle: dict[tuple[str, str], list[Connection]] = {}
        self._context: ssl.SSLContext | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that wait."""
        for waiting in self._idle.values():
            while waiting:
                waiting.pop().close()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET, whatever its status; tries again where another try may help. Raises ReleaseError."""
        reason = ""
        for turn in range(TRIES):
            wait = self._pause * 2**turn
            try:
                answer = self._follow(url, headers or {})
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, ssl.SSLCertVerificationError):
                    raise ReleaseError(
                        f"{_host(url)}: its certificate is not trusted ({error.verify_message}); name yours in SSL_CERT_FILE"
                    ) from None
                reason = str(error) or type(error).__name__
            else:
                if answer.status not in _AGAIN:
                    return answer
                reason = f"status {answer.status}"
                told = answer.headers.get("retry-after", "")
                wait = max(wait, min(float(told), 60.0)) if told.isdecimal() else wait
            if turn + 1 < TRIES:
                time.sleep(wait)
        raise ReleaseError(f"{_host(url)}: no answer after {TRIES} tries ({reason}); check the network and the proxy, then run this again")

    def _follow(self, url: str, headers: Mapping[str, str]) -> Answer:
        login = _login(urlsplit(url))
        first = _host(url)
        for _ in range(8):
            known = login if _host(url) == first else _login(urlsplit(url))
            answer = self._ask(url, {**headers, **({"Authorization": known} if known else {})})
            target = answer.headers.get("location")
            if answer.status not in _MOVED or not target:
                return answer
            url = urljoin(url, target)
        raise ReleaseError(f"{first}: redirects without end; check --index-url")

    def _ask(self, url: str, headers: Mapping[str, str]) -> Answer:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ReleaseError(f"{parts.scheme or url[:40]!r}: only http and https addresses can be asked; check --index-url")
        waiting = self._idle.setdefault((parts.scheme, _host(url)), [])
        while True:
            try:
                connection, fresh = waiting.pop(), False
            except IndexError:
                connection, fresh = self._connect(parts), True
            try:
                answer = self._exchange(connection, parts, headers, url)
            except (OSError, http.client.HTTPException):
                connection.close()
                if fresh:
                    raise
                continue  # the server had closed it while it waited
            except BaseException:
                connection.close()
                raise
            waiting.append(connection)
            return answer

    def _exchange(self, connection: Connection, parts: SplitResult, headers: Mapping[str, str], url: str) -> Answer:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        login = ""
        if getattr(connection, "through_proxy", False):
            path = f"http://{_host(url)}{path}"
            login = _login(urlsplit(_proxy(parts)))
        sent = {"User-Agent": self._agent, "Accept-Encoding": "identity", **headers}
        if login:
            sent["Proxy-Authorization"] = login
        connection.request("GET", path, headers=sent)
        response = connection.getresponse()
        body = response.read()
        told = {name.lower(): value for name, value in response.getheaders()}
        if told.get("content-encoding") == "gzip":
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError, zlib.error) as error:
                raise http.client.HTTPException(f"the answer was cut off ({error})") from None
        return Answer(response.status, told, body, url)

    def _connect(self, parts: SplitResult) -> Connection:
        proxy = _proxy(parts)
        host, port = parts.hostname or "", parts.port
        if not proxy:
            return self._plain(parts.scheme, host, port)
        through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        made = self._plain(through.scheme if parts.scheme == "http" else "https", through.hostname or "", through.port)
        if parts.scheme == "https":
            login = _login(through)
            made.set_tunnel(host, port or 443, {"Proxy-Authorization": login} if login else {})
        else:
            made.through_proxy = True  # type: ignore[attr-defined]
        return made

    def _plain(self, scheme: str, host: str, port: int | None) -> Connection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT)
        if self._context is None:
            self._context = trust()
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=self._context)


def trust() -> ssl.SSLContext:
    """Return what certificates are checked with: the file that PIP_CERT, SSL_CERT_FILE and their like name, else the system's."""
    for name in _CERTIFICATES:
        path = os.environ.get(name, "")
        if path and os.path.exists(path):
            where = {"capath": path} if os.path.isdir(path) else {"cafile": path}
            try:
                return ssl.create_default_context(**where)  # type: ignore[arg-type]
            except (OSError, ssl.SSLError) as error:
                raise ReleaseError(f"{name}: {path} holds no certificates ({error}); correct the variable or unset it") from None
    return ssl.create_default_context()


def _proxy(parts: SplitResult) -> str:
    from urllib.request import getproxies, proxy_bypass

    if proxy_bypass(parts.hostname or ""):
        return ""
    found = getproxies()
    return found.get(parts.scheme) or found.get("all") or ""


def _login(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
