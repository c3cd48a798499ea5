"""Ways to damage a file or a value, each decided by a random generator alone."""

import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

import tomli_w
from numpy.random import Generator

# What formats begin with, and numbers at the edges of their fields.
MAGIC: Final = (
    *(
        b"\x00\x00\x00\x18ftypmp42",
        b"moov",
        b"mdat",
        b"moof",
        b"\x1aE\xdf\xa3",
        b"RIFF",
        b"AVI LIST",
    ),
    *(b"FLV\x01\x05", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"IHDR", b"\xff\xd8\xff\xe0", b"\xff\xd9"),
    *(b"II*\x00", b"MM\x00*", b"BM", b"OggS", b"ID3\x04", b"\x00\x00\x01\xba", b"\x00\x00\x00\x01"),
    *(b"#EXTM3U\n", b"ffconcat version 1.0\n", b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY", b"PAR1"),
    *(b"\x80\x02.", b"\x1f\x8b\x08", b"WEBPVP8X", b"fLaC", b"\x47\x40\x00\x10"),
)
NUMBERS: Final = (
    *(b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff", b"\x00\x00", b"\xff\xff", b"\x7f\xff"),
    *(struct.pack(">i", value) for value in (0, 1, -1, 2**31 - 1, -(2**31), 65_536)),
    *(struct.pack("<i", value) for value in (1, 2**31 - 1, -(2**31), 65_536, 10_000)),
    *(struct.pack(">q", value) for value in (-1, 2**63 - 1, -(2**63), 2**32)),
)
LONGEST: Final = 4096  # bytes of a block that is moved
HEAD: Final = 512  # bytes in which most formats keep their structure
PACKET: Final = 188  # bytes of a transport stream's packet
# Boxes of the ISO formats that hold others.
PARENTS: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"moof"})

# What a field of a file may hold that nobody expects there.
SURPRISES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 2**31, -(2**63), 2**64, 10**400, 10**5000, 0.5, -1e308, 1e308),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "x", "0", "nan", "1e999", "x" * 5000),
    *(
        "a\nb",
        "a\x00b",
        "\x1b[31mred",
        "\u202e",
        "\ufeff",
        "٣",
        "../../x",
        "/etc/passwd",
        "/dev/zero",
    ),
    *("C:\\x", "\\\\host\\share", "https://example.invalid/x", "~", ".", "..", "%s%n", "{0}"),
    *([], {}, [[]], [None], {"": None}, [0] * 1000, {"a": {"b": {"c": {}}}}),
)
DEEP: Final = 50_000  # brackets; parsers that recurse give up long before


def damaged(rng: Generator, content: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Damage a binary file in one to four places."""
    ways = [*_ANYWHERE]
    if content[4:8] == b"ftyp":
        ways += [_boxes] * 4
    if content[:1] == b"\x47" and len(content) % PACKET == 0:
        ways += [_packets] * 4
    for _ in range(int(rng.choice((1, 1, 1, 2, 4)))):
        if others and rng.random() < 0.1:
            content = _splice(rng, content, others[rng.integers(len(others))])
        else:
            content = ways[rng.integers(len(ways))](rng, content)
    return content


def damaged_text(rng: Generator, text: str) -> bytes:
    """Damage a text file: its bytes, its lines, its encoding."""
    ways: Sequence[Callable[[Generator, str], bytes]] = (
        lambda rng, text: damaged(rng, text.encode()),
        lambda rng, text: damaged(rng, text.encode()),
        lambda rng, text: b"\xef\xbb\xbf" + text.encode(),
        lambda rng, text: text.encode("utf-16"),
        lambda rng, text: text.encode("utf-8").replace(b"e", b"\xe9"),
        lambda rng, text: text.replace("\n", "\r\n").encode(),
        lambda rng, text: text.replace("\n", "\r").encode(),
        _lines,
        _lines,
        _cells,
        _cells,
        _cells,
    )
    return ways[rng.integers(len(ways))](rng, text)


def damaged_json(rng: Generator, value: object) -> bytes:
    """Damage a JSON value: its parts, mostly, else its text."""
    if rng.random() < 0.2:
        return damaged_text(rng, json.dumps(value, indent=2))
    if rng.random() < 0.1:
        return _nested(rng, json.dumps(value), "[", "]")
    changed, twice = _changed(rng, value)
    text = json.dumps(_short_numbers(changed))
    for number, digits in _LONG.items():
        text = text.replace(f'"{number}"', digits)
    if twice and isinstance(changed, dict) and changed:
        key = list(changed)[rng.integers(len(changed))]
        text = text[:-1] + f', {json.dumps(key)}: "again"' + "}"
    return text.encode("utf-8", "surrogatepass")


def damaged_toml(rng: Generator, tables: Mapping[str, Any]) -> bytes:
    """Damage TOML tables: their parts, mostly, else their text."""
    if rng.random() < 0.2:
        return damaged_text(rng, tomli_w.dumps(tables))
    if rng.random() < 0.05:
        return _nested(rng, "x = 1\n", "[", "]")
    changed, twice = _changed(rng, tables)
    if not isinstance(changed, dict):
        return json.dumps(_short_numbers(changed)).encode("utf-8", "surrogatepass")
    text = tomli_w.dumps(_for_toml(changed))
    for number, digits in _LONG.items():
        text = text.replace(f'"{number}"', digits)
    if twice:
        lines = text.splitlines(keepends=True)
        text += lines[rng.integers(len(lines))] if lines else ""
    return text.encode("utf-8", "surrogatepass")


def _place(rng: Generator, content: bytes) -> int:
    """Choose where: rather often in the head, where formats say what follows."""
    reach = min(len(content), HEAD) if rng.random() < 0.3 else len(content)
    return int(rng.integers(reach + 1))


def _block(rng: Generator, content: bytes) -> tuple[int, int]:
    start = _place(rng, content)
    return start, start + int(2 ** rng.uniform(0, 12)) % LONGEST + 1


def _flip(rng: Generator, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(int(2 ** rng.uniform(0, 6))):
        if changed:
            at = min(_place(rng, content), len(changed) - 1)
            changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _random(rng: Generator, content: bytes) -> bytes:
    start, end = _block(rng, content)
    return content[:start] + rng.bytes(end - start) + content[end:]


def _cut(rng: Generator, content: bytes) -> bytes:
    return content[: _place(rng, content)]


def _behead(rng: Generator, content: bytes) -> bytes:
    return content[_place(rng, content) :]


def _drop(rng: Generator, content: bytes) -> bytes:
    start, end = _block(rng, content)
    return content[:start] + content[end:]


def _twice(rng: Generator, content: bytes) -> bytes:
    start, end = _block(rng, content)
    return content[:end] + content[start:end] * int(rng.choice((1, 1, 2, 50))) + content[end:]


def _swap(rng: Generator, content: bytes) -> bytes:
    first, end = _block(rng, content)
    size = end - first
    second = min(_place(rng, content) + size, len(content))
    first, second = sorted((first, second))
    one, other = content[first : first + size], content[second : second + size]
    between = content[first + size : second]
    return content[:first] + other + between + one + content[second + size :]


def _magic(rng: Generator, content: bytes) -> bytes:
    at, mark = _place(rng, content), MAGIC[rng.integers(len(MAGIC))]
    over = len(mark) if rng.random() < 0.5 else 0
    return content[:at] + mark + content[at + over :]


def _number(rng: Generator, content: bytes) -> bytes:
    at, number = _place(rng, content), NUMBERS[rng.integers(len(NUMBERS))]
    return content[:at] + number + content[at + len(number) :]


def _run(rng: Generator, content: bytes) -> bytes:
    start, end = _block(rng, content)
    return content[:start] + rng.choice([b"\x00", b"\xff", b" "]) * (end - start) + content[end:]


def _splice(rng: Generator, content: bytes, other: bytes) -> bytes:
    if rng.random() < 0.3:
        return content + other
    return content[: _place(rng, content)] + other[_place(rng, other) :]


_ANYWHERE: Final[tuple[Callable[[Generator, bytes], bytes], ...]] = (
    *(
        _flip,
        _flip,
        _flip,
        _flip,
        _random,
        _random,
        _cut,
        _behead,
        _drop,
        _twice,
        _swap,
        _magic,
        _number,
        _number,
        _run,
    ),
)


def _boxes(rng: Generator, content: bytes) -> bytes:
    """Swap, drop, double or lie about boxes of an ISO file, those inside of others too."""
    found = list(_boxes_in(content, 0, len(content)))
    if len(found) < 2:
        return _flip(rng, content)
    start, end = found[rng.integers(len(found))]
    box, way = content[start:end], rng.integers(4)
    if way == 0:
        return content[:start] + content[end:]
    if way == 1:
        return content[:end] + box + content[end:]
    if way == 2:
        number = NUMBERS[rng.integers(len(NUMBERS))]
        at = start + int(rng.choice((0, 4, 8, 12, 16, 20)))
        return content[:at] + number + content[at + len(number) :]
    other_start, other_end = found[rng.integers(len(found))]
    if other_start < end and start < other_end:  # one holds the other
        return content[:start] + content[other_start:other_end] + content[end:]
    (start, end), (other_start, other_end) = sorted([(start, end), (other_start, other_end)])
    return (
        content[:start]
        + content[other_start:other_end]
        + content[end:other_start]
        + content[start:end]
        + content[other_end:]
    )


def _boxes_in(content: bytes, at: int, until: int) -> "list[tuple[int, int]]":
    found = []
    while at + 8 <= until:
        size, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if size < 8:
            break
        end = min(at + size, until)
        found.append((at, end))
        if kind in PARENTS:
            found += _boxes_in(content, at + 8, end)
        at = end
    return found


def _packets(rng: Generator, content: bytes) -> bytes:
    """Swap, drop or renumber packets of a transport stream."""
    packets = [content[at : at + PACKET] for at in range(0, len(content), PACKET)]
    for _ in range(int(rng.choice((1, 1, 3, 10)))):
        one, other = (int(rng.integers(len(packets))) for _ in range(2))
        way = rng.integers(4)
        if way == 0 and len(packets) > 1:
            packets.pop(one)
        elif way == 1:
            packets[one], packets[other] = packets[other], packets[one]
        elif way == 2:
            packets.insert(one, packets[other])
        else:
            packets[one] = packets[one][:1] + rng.bytes(2) + packets[one][3:]
    return b"".join(packets)


def _lines(rng: Generator, text: str) -> bytes:
    """Drop, double, swap, join or empty lines."""
    lines = text.splitlines(keepends=True) or [""]
    for _ in range(int(rng.choice((1, 1, 2, 5)))):
        one, other = (int(rng.integers(len(lines))) for _ in range(2))
        way = rng.integers(5)
        if way == 0 and len(lines) > 1:
            lines.pop(one)
        elif way == 1:
            lines.insert(one, lines[other])
        elif way == 2:
            lines[one], lines[other] = lines[other], lines[one]
        elif way == 3:
            lines[one] = lines[one].rstrip("\r\n")
        else:
            lines[one] = "\n"
    return "".join(lines).encode()


def _cells(rng: Generator, text: str) -> bytes:
    """Put a surprise where a word or a number was."""
    words = list(re.finditer(r"[^\s,;:=\"'\[\]{}<>]+", text))
    if not words:
        return text.encode()
    word = words[rng.integers(len(words))]
    surprise = SURPRISES[rng.integers(len(SURPRISES))]
    new = "9" * 5000 if surprise == 10**5000 else str(surprise)
    return (text[: word.start()] + new + text[word.end() :]).encode("utf-8", "surrogatepass")


def _nested(rng: Generator, text: str, left: str, right: str) -> bytes:
    """Put a value that is nested too deep into a place where there was a number or a word."""
    places = [match.start() for match in re.finditer(r"(?<=[:=\[]) ?[\d\"]", text)] or [0]
    at = places[rng.integers(len(places))]
    return (text[:at] + left * DEEP + right * DEEP + text[at + 1 :]).encode()


_LONG: Final = {"<10**5000>": "9" * 5000, "<10**400>": "9" * 400}


def _short_numbers(value: object) -> Any:
    """Name numbers that Python itself refuses to write; their digits are put in afterwards."""
    if isinstance(value, dict):
        return {key: _short_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_short_numbers(item) for item in value]
    if type(value) is int and value == 10**5000:
        return "<10**5000>"
    return value


def _for_toml(value: object) -> Any:
    """Put into TOML's values what is none: there is no null."""
    if isinstance(value, dict):
        return {str(key): _for_toml(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_for_toml(item) for item in value]
    if value is None:
        return "null"
    if type(value) is int and value in (10**5000, 10**400):
        return "<10**5000>" if value == 10**5000 else "<10**400>"
    return value


def _changed(rng: Generator, value: Any) -> tuple[Any, bool]:
    """Change one to three parts of a copy; tell whether a key shall be written twice as well."""
    value = deepcopy(value)
    for _ in range(int(rng.choice((1, 1, 1, 2, 3)))):
        value = _changed_once(rng, value)
    return value, bool(rng.random() < 0.1)


def _changed_once(rng: Generator, value: Any) -> Any:
    places = list(_places(value))
    if not places or rng.random() < 0.03:
        return deepcopy(SURPRISES[rng.integers(len(SURPRISES))])
    part, key = places[rng.integers(len(places))]
    way, surprise = rng.integers(8), deepcopy(SURPRISES[rng.integers(len(SURPRISES))])
    if way == 0:
        del part[key]
    elif way == 1 and isinstance(part, dict):
        part[f"{key}x"] = part.pop(key)
    elif way == 2 and isinstance(part, dict):
        part["unknown"] = surprise
    elif way == 3:
        other, there = places[rng.integers(len(places))]
        part[key] = deepcopy(other[there])
    else:
        part[key] = surprise
    return value


def _places(value: object) -> Iterator[tuple[Any, Any]]:
    """Give each place of a value: the table or list it lies in, and its key there."""
    if not isinstance(value, dict | list):
        return
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        yield from _places(value[key])
