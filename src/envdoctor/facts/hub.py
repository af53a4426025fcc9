"""A model's configuration from the Hugging Face hub: one small file over HTTPS. Asked by `envdoctor fit` alone, and never in a check.

Addresses, tokens and switches are those of `huggingface_hub`: HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN,
HF_HUB_OFFLINE. A token goes to the hub's own host and to no other.
"""

from __future__ import annotations

from envdoctor.facts.huggingface import is_true, token_of
from envdoctor.facts.model_configuration import LARGEST, parsed
from envdoctor.model.errors import InputError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.facts.host import Host

TIMEOUT = 5.0
"""Seconds that the hub may take to answer."""
_HUB = "https://huggingface.co"


def switched_off(host: Host) -> str:
    """Return the variable that says not to ask the hub, or ""."""
    name = "HF_HUB_OFFLINE" if host.getenv("HF_HUB_OFFLINE") else "TRANSFORMERS_OFFLINE"
    return name if is_true(host.getenv(name)) else ""


def is_repository(name: str) -> bool:
    """Tell whether a text can be the name of a repository, and no path.

    >>> [is_repository(name) for name in ("Qwen/Qwen3-4B", "gpt2", "./folder", "a/b/c", "my model")]
    [True, True, False, False, False]
    """
    parts = name.split("/")
    plain = name.replace("/", "").replace("-", "").replace("_", "").replace(".", "")
    return len(parts) <= 2 and len(name) < 200 and plain.isalnum() and plain.isascii() and all(part[:1].isalnum() for part in parts)


def hub_configuration(name: str, host: Host, revision: str = "") -> tuple[dict[str, Any], str]:
    """Return a repository's `config.json` and its address. Raises UsageError for what is not there, InputError for what cannot be had."""
    import http.client
    import urllib.error
    import urllib.request
    from urllib.parse import quote, urlsplit

    endpoint = (host.getenv("HF_ENDPOINT") or _HUB).rstrip("/")
    site = urlsplit(endpoint)
    if site.scheme not in ("http", "https") or not site.hostname:
        raise UsageError(f"HF_ENDPOINT={endpoint}: is no address of a hub, such as {_HUB}")
    url = f"{endpoint}/{quote(name)}/resolve/{quote(revision or 'main', safe='')}/config.json"
    token = "" if is_true(host.getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) else token_of(host)

    class SameHost(urllib.request.HTTPRedirectHandler):
        """Follows redirections, and hands the token to no other host."""

        def redirect_request(self, *told: Any) -> Any:
            made = super().redirect_request(*told)
            if made is not None and urlsplit(made.full_url)[:2] != site[:2]:
                made.remove_header("Authorization")
            return made

    if not (token.isascii() and token.isprintable()):
        token = ""  # no token of the hub; as a header it would be refused, and shown
    headers = {"User-Agent": "envdoctor", **({"Authorization": f"Bearer {token}"} if token else {})}
    asked = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was looked at above
    try:
        with urllib.request.build_opener(SameHost).open(asked, timeout=TIMEOUT) as answer:
            text = answer.read(LARGEST + 1).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(name, revision, endpoint, error.code, error.headers.get("X-Error-Code", ""), token=bool(token)) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"--model {name}: not on this machine and not in the shipped table, and {site.hostname} cannot be reached "
            f"({str(reason)[:120] or 'no answer'}). {needed(name)}"
        ) from None
    return parsed(text, url), url


def needed(name: str) -> str:
    """Say what would do instead of the hub."""
    return (
        "Its config.json is all that is needed: fetch it where there is a network, `hf download "
        f"{name} config.json --local-dir FOLDER`, and give --model FOLDER"
    )


def _refusal(name: str, revision: str, endpoint: str, status: int, code: str, *, token: bool) -> UsageError | InputError:
    """Return the error that a status and the hub's own code stand for."""
    page = f"{endpoint}/{name}"
    if code == "GatedRepo" or (status == 403 and not code):
        done = "the token in use was not granted access" if token else "no token was sent"
        return InputError(
            f"--model {name}: is gated, and {done}; accept its terms on {page}, and log in with `hf auth login` or set HF_TOKEN. "
            "Or give a copy of the model that is open: its config.json is the same"
        )
    if code == "RevisionNotFound":
        return UsageError(f"--revision {revision}: {name} has no such branch, tag or commit; see {page}/tree/main")
    if code == "EntryNotFound":
        return UsageError(f"--model {name}: holds no config.json (an adapter, or another format?); name the model it was made from")
    if status in (401, 404) or code == "RepoNotFound":
        more = "" if token else ", or it is private: log in with `hf auth login`, or set HF_TOKEN"
        return UsageError(f"--model {name}: the hub knows no such model; check how it is written{more}")
    return InputError(f"--model {name}: the hub answered with status {status}; try again later. {needed(name)}")
