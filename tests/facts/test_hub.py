"""The hub is asked for one small file: against a real server, with its real status codes and headers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from envdoctor.cli import main
from envdoctor.facts import hub
from envdoctor.facts.host import LocalHost
from envdoctor.model.errors import EnvdoctorError, InputError, UsageError

SIZES = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100}
LLAMA = json.dumps({"model_type": "llama", **SIZES}).encode()
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/me/own/resolve/main/config.json": (200, {}, LLAMA),
    "/me/own/resolve/v2%2Fbeta/config.json": (200, {}, LLAMA.replace(b'": 2,', b'": 3,')),
    "/me/own/resolve/v9/config.json": (404, {"X-Error-Code": "RevisionNotFound"}, b""),
    "/me/gated/resolve/main/config.json": (401, {"X-Error-Code": "GatedRepo"}, b""),
    "/me/refused/resolve/main/config.json": (403, {"X-Error-Code": "GatedRepo"}, b""),
    "/me/gone/resolve/main/config.json": (401, {"X-Error-Code": "RepoNotFound"}, b""),
    "/me/adapter/resolve/main/config.json": (404, {"X-Error-Code": "EntryNotFound"}, b""),
    "/me/ill/resolve/main/config.json": (503, {}, b""),
    "/me/page/resolve/main/config.json": (200, {}, b"<html>please log in to this network</html>"),
    "/me/moved/resolve/main/config.json": (307, {"Location": "/me/own/resolve/main/config.json"}, b""),
}
ASKED: list[tuple[str, str | None]] = []


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does."""

    def do_GET(self) -> None:
        ASKED.append((self.path, self.headers.get("Authorization")))
        status, headers, body = ANSWERS[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def served() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    yield from served()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    yield from served()


def host(endpoint: str, tmp_path: Path, **environ: str) -> LocalHost:
    ASKED.clear()
    return LocalHost(environ={"HF_ENDPOINT": endpoint + "/", "HF_HOME": str(tmp_path), "no_proxy": "*", **environ})


def test_a_configuration_comes_from_the_hub(endpoint: str, tmp_path: Path) -> None:
    found, url = hub.hub_configuration("me/own", host(endpoint, tmp_path))
    assert found["hidden_size"] == 64
    assert url == f"{endpoint}/me/own/resolve/main/config.json"
    assert ASKED == [("/me/own/resolve/main/config.json", None)]
    assert hub.hub_configuration("me/own", host(endpoint, tmp_path), "v2/beta")[0]["num_hidden_layers"] == 3
    assert hub.hub_configuration("me/moved", host(endpoint, tmp_path))[0]["hidden_size"] == 64


def test_a_token_goes_to_the_hub_and_to_no_other_host(endpoint: str, elsewhere: str, tmp_path: Path) -> None:
    hub.hub_configuration("me/own", host(endpoint, tmp_path, HF_TOKEN="hf_secret"))
    assert ASKED[-1][1] == "Bearer hf_secret"
    (tmp_path / "token").write_text("hf_kept\n")
    hub.hub_configuration("me/own", host(endpoint, tmp_path))
    assert ASKED[-1][1] == "Bearer hf_kept"
    hub.hub_configuration("me/own", host(endpoint, tmp_path, HF_HUB_DISABLE_IMPLICIT_TOKEN="1"))
    assert ASKED[-1][1] is None
    hub.hub_configuration("me/own", host(endpoint, tmp_path, HF_TOKEN="two\nlines"))
    assert ASKED[-1][1] is None
    ANSWERS["/me/far/resolve/main/config.json"] = (302, {"Location": f"{elsewhere}/me/own/resolve/main/config.json"}, b"")
    hub.hub_configuration("me/far", host(endpoint, tmp_path, HF_TOKEN="hf_secret"))
    assert [token for _, token in ASKED] == ["Bearer hf_secret", None]


@pytest.mark.parametrize(
    ("name", "revision", "kind", "says"),
    [
        ("me/gated", "", InputError, "is gated, and no token was sent; accept its terms on"),
        ("me/refused", "", InputError, "is gated"),
        ("me/gone", "", UsageError, "the hub knows no such model; check how it is written, or it is private"),
        ("me/adapter", "", UsageError, "holds no config.json"),
        ("me/own", "v9", UsageError, "--revision v9: me/own has no such branch"),
        ("me/ill", "", InputError, "status 503; try again later"),
        ("me/page", "", InputError, "is no JSON"),
    ],
)
def test_what_cannot_be_had_says_what_would_be_needed(
    endpoint: str, tmp_path: Path, name: str, revision: str, kind: type[EnvdoctorError], says: str
) -> None:
    with pytest.raises(kind, match=says):
        hub.hub_configuration(name, host(endpoint, tmp_path), revision)


def test_a_token_that_was_refused_is_told_but_not_shown(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the token in use was not granted access") as error:
        hub.hub_configuration("me/gated", host(endpoint, tmp_path, HF_TOKEN="hf_secret"))
    assert "hf_secret" not in str(error.value)


def test_a_hub_that_cannot_be_reached_says_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"127.0.0.1 cannot be reached .* Its config.json is all that is needed"):
        hub.hub_configuration("me/own", host("http://127.0.0.1:1", tmp_path))
    with pytest.raises(UsageError, match="is no address of a hub"):
        hub.hub_configuration("me/own", host("file:///etc", tmp_path))


def test_fit_asks_the_hub_last_and_only_where_it_may(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    ASKED.clear()
    assert main(["fit", "--model", "me/own"]) == 0
    assert f"shape: {endpoint}/me/own/resolve/main/config.json" in capsys.readouterr().out
    assert len(ASKED) == 1
    assert main(["fit", "--model", "Qwen/Qwen3-0.6B"]) == 0  # the shipped table knows it
    assert main(["fit", "--model", "me/own", "--offline"]) == 2
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["fit", "--model", "me/own"]) == 2
    assert len(ASKED) == 1
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert main(["fit", "--model", "me/gated"]) == 3
    assert main(["fit", "--model", "me/own", "--revision", "v2/beta"]) == 0
