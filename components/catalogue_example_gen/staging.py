"""Where workers that do not see this machine's files find the tables, and leave the examples."""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator
from pathlib import Path

from apache_beam.io.filesystems import FileSystems

from catalogues.errors import InputError
from catalogues.spec import Catalogue
from components.catalogue_example_gen.details import tables_read
from components.catalogue_example_gen.whole_files import download, upload


@dataclasses.dataclass(frozen=True)
class Workplace:
    """Where the graph builder's workers read and write.

    Attributes:
      tables: the catalogue's folder, as workers reach it.
      examples: the examples' folder, as workers reach it.
      target: the examples' folder on this machine.
    """

    tables: str
    examples: str
    target: str

    @classmethod
    def here(cls, examples: Path, tables: Path | None = None) -> Workplace:
        """Of workers that see this machine's files; tables are not needed for subgraphs."""
        return cls(str(tables or ""), str(examples), str(examples))

    def fetch(self) -> None:
        """Brings here what workers wrote and what is not here yet."""
        if self.examples == self.target:
            return
        for address in _files(self.examples):
            path = Path(self.target, address.removeprefix(f"{self.examples}/"))
            if not path.exists():
                download(address, path)

    def put(self, folder: str) -> None:
        """Gives workers a folder of the examples that was made on this machine."""
        if self.examples != self.target:
            for path in sorted(Path(self.target, folder).rglob("*")):
                if path.is_file():
                    upload(path, f"{self.examples}/{path.relative_to(self.target).as_posix()}")


@contextlib.contextmanager
def workplace(staging: str, catalogue: Catalogue, address: str, target: str) -> Iterator[Workplace]:
    """Where workers read and write: on this machine, or at an address, as long as it is needed.

    Args:
      staging: an address of one of Beam's file systems, as 'gs://bucket/folder'; '' where workers
        see this machine's files.
      catalogue: on this machine.
      address: where the catalogue's folder came from; what has '://' is read there, and not sent.
      target: the examples' folder on this machine.

    Raises:
      InputError: nothing can be written at that address.
    """
    if not staging:
        yield Workplace.here(Path(target), catalogue.folder)
        return
    root = f"{staging.rstrip('/')}/artist-sim-{uuid.uuid4().hex}"
    tables = address if "://" in address else f"{root}/catalogue"
    try:
        try:
            if tables != address:
                for path in table_paths(catalogue):
                    upload(path, f"{tables}/{catalogue.file_name(path)}")
        # Each file system's client has errors of its own for a wrong address or missing rights.
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(
                f"`beam.staging`: nothing can be written at '{staging}' ({reason}); check the "
                "address, and that this machine may write there."
            ) from None
        yield Workplace(tables, f"{root}/examples", target)
    finally:
        # What stays is told by nobody: the run has its result, or a reason of its own to fail.
        with contextlib.suppress(Exception):
            left = _files(root)
            if left:
                FileSystems.delete(left)


def table_paths(catalogue: Catalogue) -> list[Path]:
    """The files of all tables that the graph builder reads."""
    return sorted({path for table in tables_read(catalogue) for path in catalogue.files(table)})


def _files(folder: str) -> list[str]:
    (found,) = FileSystems.match([f"{folder}/**"])
    return sorted(one.path for one in found.metadata_list)
