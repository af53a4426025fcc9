"""Which CUDA an NVIDIA driver supports. A table and its look-up, nothing is read here."""

from __future__ import annotations

# First driver branch (major number) with that CUDA in `nvidia-smi`. Source: "CUDA Toolkit and Corresponding Driver Versions" of the CUDA
# 13.2 release notes; 12.7 is no toolkit but what R565 reports; R610 (13.3) and R615 (13.4) are newer than that table and told by others.
# Windows drivers of a branch carry numbers up to the next row (551 and 552 are R550), so one table serves both systems.
_BRANCHES = (
    (384, "9.0"), (390, "9.1"), (396, "9.2"), (410, "10.0"), (418, "10.1"), (440, "10.2"), (450, "11.0"), (455, "11.1"), (460, "11.2"),
    (465, "11.3"), (470, "11.4"), (495, "11.5"), (510, "11.6"), (515, "11.7"), (520, "11.8"), (525, "12.0"), (530, "12.1"), (535, "12.2"),
    (545, "12.3"), (550, "12.4"), (555, "12.5"), (560, "12.6"), (565, "12.7"), (570, "12.8"), (575, "12.9"), (580, "13.0"), (590, "13.1"),
    (595, "13.2"), (610, "13.3"), (615, "13.4"),
)  # fmt: skip
_LAST_KNOWN = 619


def newest_cuda(driver: str) -> str:
    """Return the newest CUDA that an NVIDIA driver supports, or "" for a driver outside the table.

    >>> newest_cuda("550.54.14"), newest_cuda("580"), newest_cuda("552.44"), newest_cuda("900.1")
    ('12.4', '13.0', '12.4', '')
    """
    digits = driver.partition(".")[0]
    if not digits.isdecimal() or int(digits) > _LAST_KNOWN:
        return ""
    found = ""
    for branch, cuda in _BRANCHES:
        if branch <= int(digits):
            found = cuda
    return found
