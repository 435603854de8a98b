"""Beam's Java servers listen at the address that they are told, not at all of the machine's.

Of the address that they are given, Beam's job server and what its task managers open for their
workers take the port alone. They so listen on all interfaces, without a password: who reaches such
a port can hand in a pipeline, which is code. Beam has no option for it, so that one call in one
class of its jar becomes another: `NettyServerBuilder.forAddress(address)` in place of
`.forPort(address.getPort())`.
"""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path
from typing import Final, NamedTuple

CHANGE: Final = b"1"
"""Which change this is; another one needs jars that are fetched anew."""
_CORE_JAR: Final = "beam-sdks-java-core-*.jar"
CLASS: Final = "org/apache/beam/sdk/fn/server/ServerFactory$InetSocketAddressServerFactory.class"
_BUILDER: Final = "Lorg/apache/beam/vendor/grpc/v1p60p1/io/grpc/netty/NettyServerBuilder;"
_BY_PORT: Final = ("forPort", f"(I){_BUILDER}")
_BY_ADDRESS: Final = ("forAddress", f"(Ljava/net/SocketAddress;){_BUILDER}")
_GET_PORT: Final = ("getPort", "()I")
# Tags and sizes of constants: The Java Virtual Machine Specification, section 4.4.
_UTF8: Final = 1
_METHOD: Final = 10
_EIGHT_BYTES: Final = (5, 6)
_SIZES: Final = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 18: 4}
_ALOAD_1: Final = b"\x2b"
_NOP: Final = b"\x00"


def listen_where_told(jars: Path) -> None:
    """Changes the one class, in its jar among those of a folder; the others keep their bytes.

    Raises:
      ValueError: the jar or the class is not there, or not the one that this knows.
    """
    found = list(jars.glob(_CORE_JAR))
    if len(found) != 1:
        raise ValueError(f"there are {len(found)} jars {_CORE_JAR}, not one")
    (jar,) = found
    beside = jar.with_suffix(".writing")
    with zipfile.ZipFile(jar) as old, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as new:
        if CLASS not in old.namelist():
            raise ValueError(f"{jar.name} has no class {CLASS}")
        for entry in old.infolist():
            if entry.is_dir():
                continue
            content = old.read(entry)
            new.writestr(entry, by_address(content) if entry.filename == CLASS else content)
    os.replace(beside, jar)


def by_address(code: bytes) -> bytes:
    """The class with `forAddress(address)` for its only `forPort(address.getPort())`.

    Args:
      code: bytes of a class file.

    Raises:
      ValueError: there is no such call, or more than one.
    """
    constants, end = _constants(code)
    get_port = _method(constants, "java/net/InetSocketAddress", _GET_PORT)
    for_port = _method(constants, _BUILDER[1:-1], _BY_PORT)
    virtual, static = struct.pack(">BH", 0xB6, get_port), struct.pack(">BH", 0xB8, for_port)
    call = _ALOAD_1 + virtual + static
    if code.count(call, end) != 1 or code.count(static, end) != 1:
        raise ValueError("the class has not one call of forPort with the port of an address")
    (count,) = struct.unpack_from(">H", code, 8)
    # The method's constant stays where it is, and gets another name and type: two more at the end.
    named = constants[constants[for_port].numbers[1]]
    pool = bytearray(code[10:end])
    struct.pack_into(">HH", pool, named.offset + 1 - 10, count, count + 1)
    for text in _BY_ADDRESS:
        pool += struct.pack(">BH", _UTF8, len(text)) + text.encode()
    rest = code[end:].replace(call, _ALOAD_1 + len(virtual) * _NOP + static)
    return code[:8] + struct.pack(">H", count + 2) + bytes(pool) + rest


class _Constant(NamedTuple):
    offset: int
    tag: int
    content: bytes

    @property
    def numbers(self) -> tuple[int, int]:
        """Two constants that it names."""
        return struct.unpack(">HH", self.content)


def _constants(code: bytes) -> tuple[dict[int, _Constant], int]:
    """The constants by their numbers, and the offset of what comes after them."""
    found: dict[int, _Constant] = {}
    (count,) = struct.unpack_from(">H", code, 8)
    offset, number = 10, 1
    while number < count:
        tag, start = code[offset], offset + 1
        if tag == _UTF8:
            (size,) = struct.unpack_from(">H", code, start)
            start += 2
        elif tag in _SIZES:
            size = _SIZES[tag]
        else:
            raise ValueError(f"the class has a constant with the tag {tag}, which is unknown")
        found[number] = _Constant(offset, tag, code[start : start + size])
        offset = start + size
        # Numbers of eight bytes count twice.
        number += 2 if tag in _EIGHT_BYTES else 1
    return found, offset


def _method(constants: dict[int, _Constant], owner: str, wanted: tuple[str, str]) -> int:
    """The number of a method's constant."""

    def text(number: int) -> str:
        return constants[number].content.decode()

    for number, constant in constants.items():
        if constant.tag == _METHOD:
            of, named = constant.numbers
            (name,) = struct.unpack(">H", constants[of].content)
            if text(name) == owner and tuple(map(text, constants[named].numbers)) == wanted:
                return number
    raise ValueError(f"the class does not call {wanted[0]}")
