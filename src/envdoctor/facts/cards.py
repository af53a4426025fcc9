"""Known graphics cards: compute capability and memory by name. A table and its look-up, nothing is read here.

Capabilities are those of NVIDIA's "CUDA GPU Compute Capability" page, memory is about what `nvidia-smi` reports as total, in MiB (less
than the nominal size where error correction takes its share). AMD cards carry no compute capability but an LLVM target such as gfx942.
"""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Card(Record):
    """One model of card. `memory` maps nominal gigabytes to the MiB that tools report; the first row is the usual variant."""

    name: str
    vendor: str
    capability: float | None
    memory: Mapping[int, int]
    target: str = ""


_NVIDIA: tuple[tuple[float, str], ...] = (
    # capability, "name: nominal GB=MiB ...; name: ..."
    (3.7, "Tesla K80: 12=11441"),
    (5.2, "GeForce GTX TITAN X: 12=12212; Tesla M40: 12=11449 24=22945; Tesla M60: 8=7613; GeForce GTX 980 Ti: 6=6083; "
          "GeForce GTX 980: 4=4043"),
    (6.0, "Tesla P100: 16=16280 12=12198; Quadro GP100: 16=16278"),
    (6.1, "Tesla P40: 24=22919; Tesla P4: 8=7611; TITAN Xp: 12=12196; GeForce GTX 1080 Ti: 11=11178; GeForce GTX 1080: 8=8119; "
          "GeForce GTX 1070 Ti: 8=8119; GeForce GTX 1070: 8=8119; GeForce GTX 1060: 6=6078 3=3019; GeForce GTX 1050 Ti: 4=4040; "
          "GeForce GTX 1050: 2=2000; Quadro P6000: 24=24449; Quadro P5000: 16=16278; Quadro P4000: 8=8119; GeForce MX150: 2=2002"),
    (7.0, "Tesla V100: 16=16384 32=32768; TITAN V: 12=12066; Quadro GV100: 32=32508"),
    (7.2, "Jetson AGX Xavier: 32=31919 64=62840; Jetson Xavier NX: 8=7765 16=15817; Xavier: 32=31919"),
    (7.5, "Tesla T4: 16=15360; T4G: 16=15360; Quadro RTX 8000: 48=49152; Quadro RTX 6000: 24=24576; Quadro RTX 5000: 16=16384; "
          "Quadro RTX 4000: 8=8192; TITAN RTX: 24=24576; GeForce RTX 2080 Ti: 11=11264; GeForce RTX 2080 SUPER: 8=8192; "
          "GeForce RTX 2080: 8=8192; GeForce RTX 2070 SUPER: 8=8192; GeForce RTX 2070: 8=8192; GeForce RTX 2060 SUPER: 8=8192; "
          "GeForce RTX 2060: 6=6144 12=12288; GeForce GTX 1660 Ti: 6=6144; GeForce GTX 1660 SUPER: 6=6144; GeForce GTX 1660: 6=6144; "
          "GeForce GTX 1650: 4=4096; T1000: 4=4096 8=8192; T600: 4=4096; T400: 2=2048 4=4096; CMP 50HX: 10=10240"),
    (8.0, "A100: 80=81920 40=40960; A800: 80=81920 40=40960; A30: 24=24576; CMP 170HX: 8=8192; DRIVE A100: 32=32768; A100X: 80=81920"),
    (8.6, "A10: 24=23028; A10G: 24=23028; A10M: 20=20470; A16: 16=15356; A2: 16=15356; A40: 48=46068; RTX A6000: 48=49140; "
          "RTX A5500: 24=24564; RTX A5000: 24=24564; RTX A4500: 20=20470; RTX A4000: 16=16376; RTX A3000: 6=6144 12=12288; "
          "RTX A2000: 6=6138 12=12282; RTX A1000: 8=8188; GeForce RTX 3090 Ti: 24=24564; GeForce RTX 3090: 24=24576; "
          "GeForce RTX 3080 Ti: 12=12288; GeForce RTX 3080: 10=10240 12=12288; GeForce RTX 3070 Ti: 8=8192; GeForce RTX 3070: 8=8192; "
          "GeForce RTX 3060 Ti: 8=8192; GeForce RTX 3060: 12=12288 8=8192; GeForce RTX 3050: 8=8192 6=6144; GeForce RTX 3050 Ti: 4=4096"),
    (8.7, "Jetson AGX Orin: 64=62841 32=30697; Jetson Orin NX: 16=15656 8=7607; Jetson Orin Nano: 8=7607 4=3620; Orin: 64=62841 32=30697"),
    (8.9, "L4: 24=23034; L20: 48=46068; L40: 48=46068; L40S: 48=46068; L40G: 24=24564; L2: 24=23034; RTX 6000 Ada: 48=49140; "
          "RTX 5880 Ada: 48=49140; RTX 5000 Ada: 32=32760; RTX 4500 Ada: 24=24570; RTX 4000 Ada: 20=20475; RTX 4000 SFF Ada: 20=20475; "
          "RTX 2000 Ada: 16=16380; GeForce RTX 4090: 24=24564; GeForce RTX 4090 D: 24=24564; GeForce RTX 4080 SUPER: 16=16376; "
          "GeForce RTX 4080: 16=16376; GeForce RTX 4070 Ti SUPER: 16=16376; GeForce RTX 4070 Ti: 12=12282; "
          "GeForce RTX 4070 SUPER: 12=12282; GeForce RTX 4070: 12=12282; GeForce RTX 4060 Ti: 8=8188 16=16380; GeForce RTX 4060: 8=8188; "
          "GeForce RTX 4050: 6=6141"),
    (9.0, "H100: 80=81559 94=95830 64=65247; H100 NVL: 94=95830; H800: 80=81559; H200: 141=143771; H200 NVL: 141=143771; "
          "H20: 96=97871 141=143771; GH200: 96=97871 144=146831"),
    (10.0, "B100: 192=183359; B200: 180=183359 192=183359; GB200: 186=189471 192=189471"),
    (10.3, "B300: 288=275040 270=275040; GB300: 288=284208 278=284208"),
    (11.0, "Jetson T5000: 128=125772; Jetson T4000: 64=62840; Jetson AGX Thor: 128=125772; Thor: 128=125772"),
    (12.0, "GeForce RTX 5090: 32=32607; GeForce RTX 5090 D: 32=32607; GeForce RTX 5080: 16=16303; GeForce RTX 5070 Ti: 16=16303; "
           "GeForce RTX 5070: 12=12227; GeForce RTX 5060 Ti: 16=16311 8=8151; GeForce RTX 5060: 8=8151; GeForce RTX 5050: 8=8151; "
           "RTX PRO 6000 Blackwell: 96=97887; RTX PRO 5000 Blackwell: 48=48935 72=73280; RTX PRO 4500 Blackwell: 32=32623; "
           "RTX PRO 4000 Blackwell: 24=24467; RTX PRO 2000 Blackwell: 16=16311"),
    (12.1, "GB10: 128=122502; DGX Spark: 128=122502"),
)  # fmt: skip
_AMD: tuple[tuple[str, str], ...] = (
    ("gfx906", "MI50: 16=16368 32=32752; Radeon VII: 16=16368"),
    ("gfx908", "MI100: 32=32752"),
    ("gfx90a", "MI210: 64=65520; MI250: 64=65520; MI250X: 64=65520"),
    ("gfx942", "MI300A: 128=131072; MI300X: 192=196592; MI308X: 192=196592; MI325X: 256=262128"),
    ("gfx950", "MI350X: 288=294896; MI355X: 288=294896"),
    ("gfx1030", "RX 6800: 16=16368; RX 6800 XT: 16=16368; RX 6900 XT: 16=16368; RX 6950 XT: 16=16368; PRO W6800: 32=32752"),
    ("gfx1100", "RX 7900 XTX: 24=24560; RX 7900 XT: 20=20464; RX 7900 GRE: 16=16368; PRO W7900: 48=49136; PRO W7800: 32=32752"),
    ("gfx1101", "RX 7800 XT: 16=16368; RX 7700 XT: 12=12272; PRO W7700: 16=16368"),
    ("gfx1102", "RX 7600: 8=8176; RX 7600 XT: 16=16368"),
    ("gfx1151", "Radeon 8060S: 96=98304; Ryzen AI Max+ 395: 96=98304"),
    ("gfx1200", "RX 9060 XT: 16=16304 8=8176"),
    ("gfx1201", "RX 9070 XT: 16=16304; RX 9070: 16=16304; AI PRO R9700: 32=32624"),
)  # fmt: skip
# Words that say who made a card, how it is built in or cooled, never which one it is.
_NOISE_WORDS = (
    "nvidia amd geforce tesla laptop instinct radeon graphics gpu generation sxm sxm2 sxm3 sxm4 sxm5 pcie pci hbm2 hbm2e hbm3 hbm3e nvlink "
    "pg500 pg503 with max q design oam fhhl nvl4 sff server workstation edition lhr founders gb "
    "accelerator dgx module developer kit engineering reference"
)
_NOISE = frozenset(_NOISE_WORDS.split())
# Numbers that stand for a different card in every generation.
_AMBIGUOUS = frozenset({"2000", "4000", "4500", "5000", "5880", "6000"})
_KNOWN: dict[tuple[str, ...], Card] = {}


def find(name: str) -> Card | None:
    """Return the card of a name as tools or people write it ("NVIDIA H100 80GB HBM3", "rtx-4090", "A100-80"), or None.

    >>> find("Tesla V100-SXM2-16GB").capability, find("h100-80gb").name, find("RTX 6000")
    (7.0, 'H100', None)
    """
    return identify(name)[0]


def identify(name: str) -> tuple[Card | None, int | None]:
    """Return the card of a name and the nominal gigabytes that the name tells, each None where it is not known."""
    words = _split(name)
    sizes = [word for word in words if word.endswith("gb") and word[:-2].isdecimal()]
    gigabytes = int(sizes[0][:-2]) if sizes else None
    essential = tuple(word for word in words if word not in _NOISE and word not in sizes)
    card = _table().get(essential)
    if card is None and essential and essential[-1].isdecimal():
        card = _table().get(essential[:-1])
        if card is None or int(essential[-1]) not in card.memory:
            return None, gigabytes
        gigabytes = int(essential[-1])
    return card, gigabytes


def near(name: str) -> list[str]:
    """Return the names of up to five cards that a mistyped name may mean."""
    import difflib

    names = {" ".join(words): card.name for words, card in _table().items()}
    wanted = " ".join(word for word in _split(name) if word not in _NOISE)
    close = [names[match] for match in difflib.get_close_matches(wanted, list(names), n=5, cutoff=0.55)]
    holding = [card for spelt, card in names.items() if wanted and wanted in spelt]
    return list(dict.fromkeys(holding + close))[:5]


def memory_of(card: Card, gigabytes: int | None) -> int:
    """Return the bytes of memory that tools report for a card of that nominal size (None: the usual variant)."""
    usual = next(iter(card.memory))
    # "GH200 480GB" names the memory of its CPU.
    if gigabytes is None or gigabytes > 2 * max(card.memory):
        gigabytes = usual
    return card.memory.get(gigabytes, gigabytes * 1024) * 1024 * 1024


def _split(name: str) -> list[str]:
    text = name.lower()
    for mark in "-_/(),":
        text = text.replace(mark, " ")
    # "RTX4090" and "RTX 4090", "1080ti" and "1080 Ti", "80 GB" and "80GiB" are the same to people.
    for maker in ("rtx", "gtx", "rx"):
        text = f" {text}".replace(f" {maker}", f" {maker} ")
    words: list[str] = []
    for word in text.split():
        if word in ("gb", "gib") and words and words[-1].isdecimal():
            words[-1] += "gb"
        elif word.endswith("gib") and word[:-3].isdecimal():
            words.append(word[:-3] + "gb")
        elif word.lstrip("0123456789") in ("ti", "xt", "xtx", "super"):
            number = word.rstrip("tixsuper")
            words += [number, word[len(number) :]] if number else [word]
        else:
            words.append(word)
    return words


def _table() -> dict[tuple[str, ...], Card]:
    if not _KNOWN:
        rows = [("nvidia", capability, "", text) for capability, text in _NVIDIA] + [("amd", None, target, text) for target, text in _AMD]
        for vendor, capability, target, text in rows:
            for entry in text.split("; "):
                name, _, sizes = entry.partition(": ")
                memory = {int(size.partition("=")[0]): int(size.partition("=")[2]) for size in sizes.split()}
                card = Card(name=name, vendor=vendor, capability=capability, memory=memory, target=target)
                words = tuple(word for word in _split(name) if word not in _NOISE)
                _KNOWN[words] = card
                # People drop the family name of consumer cards: "4090", "7900 XTX".
                if words[0] in ("rtx", "gtx", "rx") and words[1].lstrip("a").isdecimal() and words[1] not in _AMBIGUOUS:
                    _KNOWN[words[1:]] = card
    return _KNOWN
