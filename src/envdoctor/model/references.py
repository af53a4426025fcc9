"""What a direct reference (URL, path, version-control reference) tells by itself. Nothing is fetched."""

from __future__ import annotations

VCS = ("git+", "hg+", "svn+", "bzr+")
ARCHIVES = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar")


def is_vcs(url: str) -> bool:
    """Tell whether a reference names a place in a version-control system."""
    return url.startswith(VCS)


def is_url(text: str) -> bool:
    """Tell whether a text is a URL or a version-control reference, not a path."""
    scheme, found, _ = text.partition("://")
    return bool(found) and scheme.replace("+", "").replace("-", "").isalnum() and len(scheme) > 1


def file_parts(reference: str) -> tuple[str, str]:
    """Return the distribution's name and version as the file name of a wheel or an sdist says them, "" for what it does not say.

    >>> file_parts("https://index.example/whl/torch-2.5.1%2Bcu124-cp311-cp311-linux_x86_64.whl#sha256=0")
    ('torch', '2.5.1+cu124')
    """
    from urllib.parse import unquote

    if is_vcs(reference):
        return "", ""
    name = unquote(reference.partition("#")[0].partition("?")[0]).replace("\\", "/").rpartition("/")[2]
    if name.endswith(".whl"):
        parts = name[:-4].split("-")
        return (parts[0], parts[1]) if len(parts) >= 5 else ("", "")
    for suffix in ARCHIVES:
        if name.endswith(suffix):
            # "v1.2.zip" and "main.zip" are snapshots of a repository: they name no distribution.
            stem, dash, version = name[: -len(suffix)].rpartition("-")
            return (stem, version) if dash and stem and version[:1].isdigit() else ("", "")
    return "", ""


def fragment(reference: str, key: str) -> str:
    """Return a value of the part behind `#`, such as `egg`, or ""."""
    from urllib.parse import unquote

    for part in reference.partition("#")[2].split("&"):
        name, _, value = part.partition("=")
        if name == key:
            return unquote(value)
    return ""


def last_part(reference: str) -> str:
    """Return the last part of the path without `.git` and `@tag`: where nothing else names the distribution, its likely name."""
    path = reference.partition("#")[0].partition("?")[0].replace("\\", "/")
    path = path.partition("://")[2].partition("/")[2] if "://" in path else path
    path = path.rstrip("/").rpartition("/")[2].partition("@")[0]
    return path[:-4] if path.endswith(".git") else path


def redact(reference: str) -> str:
    """Return the reference without the user name, password or token in it.

    >>> redact("git+https://someone:secret@host.example/x.git@v1")
    'git+https://***@host.example/x.git@v1'
    """
    scheme, found, rest = reference.partition("://")
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    if not found or not at or (user == "git" and "ssh" in scheme):
        return reference
    return f"{scheme}://***@{host}{slash}{path}"
