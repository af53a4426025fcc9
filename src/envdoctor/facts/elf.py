"""Constant texts of a shared library: finds the section that holds them, so that not the whole library must be read."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.facts.host import Host

_LARGEST = 1 << 26


def read_only_data(host: Host, path: str) -> bytes:
    """Return the `.rodata` section of a 64-bit little-endian ELF file, or nothing for any other file."""
    head = host.read_bytes(path, 0, 64)
    if head is None or len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
        return b""
    table, size, count, names = _number(head, 0x28, 8), _number(head, 0x3A, 2), _number(head, 0x3C, 2), _number(head, 0x3E, 2)
    if size < 64 or names >= count:
        return b""
    headers = host.read_bytes(path, table, size * count) or b""
    if len(headers) < size * count:
        return b""
    texts = host.read_bytes(path, _number(headers, names * size + 0x18, 8), min(_number(headers, names * size + 0x20, 8), 1 << 20)) or b""
    for section in range(count):
        start = section * size
        name = _number(headers, start, 4)
        if texts[name : texts.find(b"\0", name)] == b".rodata":
            length = _number(headers, start + 0x20, 8)
            return host.read_bytes(path, _number(headers, start + 0x18, 8), min(length, _LARGEST)) or b""
    return b""


def _number(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")
