"""A stand-in for the class of Beam's that is changed, and for the jar that it is in."""

from __future__ import annotations

import io
import struct
import zipfile

from pipeline.flink.loopback import CLASS

BUILDER = "org/apache/beam/vendor/grpc/v1p60p1/io/grpc/netty/NettyServerBuilder"
ADDRESS = "java/net/InetSocketAddress"
# aload_1, invokevirtual 6, invokestatic 12, areturn
CALL = bytes.fromhex("2b b6 0006 b8 000c b0")


def utf8(text: str) -> bytes:
    """A constant, as class files have it."""
    return struct.pack(">BH", 1, len(text)) + text.encode()


def class_file(code: bytes = CALL, method: str = "forPort") -> bytes:
    """Twelve numbers of constants, one of which is eight bytes long; then code alone."""
    constants = [
        utf8(ADDRESS),
        struct.pack(">BH", 7, 1),
        utf8("getPort"),
        utf8("()I"),
        struct.pack(">BHH", 12, 3, 4),
        struct.pack(">BHH", 10, 2, 5),
        utf8(BUILDER),
        struct.pack(">BH", 7, 7),
        utf8(method),
        utf8(f"(I)L{BUILDER};"),
        struct.pack(">BHH", 12, 9, 10),
        struct.pack(">BHH", 10, 8, 11),
        struct.pack(">Bq", 5, 20),
    ]
    head = bytes.fromhex("cafebabe 0000 0034") + struct.pack(">H", len(constants) + 2)
    return head + b"".join(constants) + code


def core_jar(others: dict[str, bytes] | None = None) -> bytes:
    """A jar with a folder, that class, and others."""
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as file:
        file.writestr("META-INF/", "")
        for name, content in {CLASS: class_file(), **(others or {})}.items():
            file.writestr(name, content)
    return jar.getvalue()
