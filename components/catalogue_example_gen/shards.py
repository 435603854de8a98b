"""Records into a given number of files, of which no worker ever holds more than one record."""

from __future__ import annotations

import collections
import contextlib
import gzip
import shutil
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, Final, cast

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.tfrecordio import _TFRecordUtil
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from components.catalogue_example_gen.whole_files import created, put_in_place

_BLOCK: Final = 1 << 20
_LEVEL: Final = 6
"""Of gzip, zlib's own default."""


def write_tfrecord(file: IO[bytes], record: bytes) -> None:
    """Writes a record as TensorFlow frames it: its length and itself, with checksums."""
    _TFRecordUtil.write_record(file, record)


def write_line(file: IO[bytes], record: bytes) -> None:
    """Writes a record and the end of a line."""
    file.write(record + b"\n")


class WriteShards(beam.PTransform):
    """Records of bytes -> files, each written once it is whole.

    Beam's own sinks, asked for a number of files, group all records of a file under one key; a
    runner such as Flink then has to hold the file. Here each bundle writes parts of its own, and
    all that is grouped are their names: joining parts is copying bytes, since two gzip files one
    after the other are one.

    A record's file is told by its CRC-32, so that each file has the same records, in any order,
    whichever workers there were.

    Gives one element: how many records are in the files, counted as they were written. A runner
    that loses some on the way there is found out by it.

    Args:
      label: of this transform and of the parts' folder.
      paths: of the files; each gets its records and may get none. One that ends in `.gz` is
        compressed.
      parts: a folder that is there only while parts are: beside the files' folder rather than in
        it, as readers of that one take all that it has.
      write: puts one record into an open file.
    """

    def __init__(
        self,
        label: str,
        paths: list[str],
        parts: str,
        write: Callable[[IO[bytes], bytes], None] = write_tfrecord,
    ):
        super().__init__(label)
        self._paths, self._write = paths, write
        self._parts = f"{parts}/.parts-{label.replace(' ', '-')}-{uuid.uuid4().hex}"

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        """Writes the files, and counts."""
        parts = records | "Parts" >> beam.ParDo(_WriteParts(self._paths, self._parts, self._write))
        places = records.pipeline | "Files" >> beam.Create([(path, None) for path in self._paths])
        written = (
            {"file": places, "parts": parts}
            | "Parts of a file" >> beam.CoGroupByKey()
            | "Join parts" >> beam.ParDo(_JoinParts(self._parts))
        )
        return (
            written
            | "In all files" >> beam.CombineGlobally(sum)
            | "Clear up" >> beam.Map(_clear_up, self._parts)
        )


def shard_paths(prefix: str, suffix: str, shards: int) -> list[str]:
    """`prefix-00000-of-00002suffix` and so on, as Beam and TFX name shards."""
    return [f"{prefix}-{place:05}-of-{shards:05}{suffix}" for place in range(shards)]


class _WriteParts(beam.DoFn):
    """Records of a bundle -> (path of a file, (path of a part of it, its records))."""

    def __init__(self, paths: list[str], folder: str, write: Callable[[IO[bytes], bytes], None]):
        self._paths, self._folder, self._write = paths, folder, write
        self._open: dict[str, tuple[str, IO[bytes]]] = {}
        self._written: collections.Counter[str] = collections.Counter()

    def setup(self) -> None:
        self._stack = contextlib.ExitStack()

    def start_bundle(self) -> None:
        # What a bundle that failed left open is no part of anything.
        self.teardown()

    def process(self, record: bytes) -> Iterable[Any]:
        path = self._paths[zlib.crc32(record) % len(self._paths)]
        if path not in self._open:
            part = f"{self._folder}/{uuid.uuid4().hex}"
            self._open[path] = part, self._stack.enter_context(_packed(part, path))
        self._write(self._open[path][1], record)
        self._written[path] += 1
        return ()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        self._stack.close()
        for path, (part, _) in self._open.items():
            found = path, (part, self._written[path])
            yield WindowedValue(found, GlobalWindow().max_timestamp(), [GlobalWindow()])
        self.teardown()

    def teardown(self) -> None:
        self._stack.close()
        self._open = {}
        self._written.clear()


class _JoinParts(beam.DoFn):
    """(path of a file, its parts) -> how many records are in it, once the file is there."""

    def __init__(self, folder: str):
        self._folder = folder

    def process(self, found: tuple[str, dict[str, Any]]) -> Iterator[int]:
        path, counted = found[0], sorted(found[1]["parts"])
        parts = [part for part, _ in counted]
        # Parts that are gone were joined and cleared up by an attempt whose news the runner lost.
        if all(map(FileSystems.exists, parts)) or not FileSystems.exists(path):
            beside = f"{self._folder}/{uuid.uuid4().hex}"
            if parts:
                _join(parts, beside)
            else:
                with _packed(beside, path):
                    pass
            put_in_place(beside, path)
        yield sum(number for _, number in counted)


@contextlib.contextmanager
def _packed(beside: str, path: str) -> Iterator[IO[bytes]]:
    """A new file, compressed if the ending of the one that it is for says so."""
    with created(beside) as file:
        if not path.endswith(".gz"):
            yield file
            return
        # Neither a name nor a time: the same records in the same order are the same bytes.
        with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
            yield cast(IO[bytes], packed)


def _join(parts: list[str], beside: str) -> None:
    with created(beside) as joined:
        for part in parts:
            with FileSystems.open(part, compression_type=CompressionTypes.UNCOMPRESSED) as file:
                shutil.copyfileobj(file, joined, _BLOCK)


def _clear_up(written: int, folder: str) -> int:
    left = [found.path for found in FileSystems.match([f"{folder}/*"])[0].metadata_list]
    if left:
        FileSystems.delete(left)
    # Where folders are only parts of names, there is none.
    with contextlib.suppress(OSError):
        FileSystems.delete([folder])
    return written
