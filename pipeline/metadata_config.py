"""Where TFX's metadata of local runs lies: in a file of the home, or on a server.

Nothing heavy is imported here.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Final, Literal

from pipeline.home import metadata_path

PASSWORD_VARIABLE: Final = "ARTIST_SIM_METADATA_PASSWORD"
"""Has the user's password on the server; it is in no configuration, file, log or message."""
_PORTS: Final = {"mysql": 3306, "postgresql": 5432}


@dataclasses.dataclass(frozen=True)
class MetadataConfig:
    """The metadata store of local runs.

    Attributes:
      backend: 'sqlite', a file of the home; 'mysql', MariaDB as well; or 'postgresql'.
      host: of the server, as the next three.
      port: where it listens; the backend's usual one if None.
      database: its name. It must be there; its tables are made.
      user: who may make tables in it.
    """

    backend: Literal["sqlite", "mysql", "postgresql"] = "sqlite"
    host: str | None = None
    port: int | None = None
    database: str | None = None
    user: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where the server is not named, or named for a file."""
        needed = {"host": self.host, "database": self.database, "user": self.user}
        if self.backend == "sqlite":
            for name, value in {**needed, "port": self.port}.items():
                if value is not None:
                    raise ValueError(f"{name} is of a server; set `backend` to mysql or postgresql")
            return
        for name, value in needed.items():
            if not value:
                raise ValueError(f"{name} is missing; `backend: {self.backend}` needs it")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ValueError(f"port is {self.port}, but must be from 1 to 65535")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server."""
        assert self.host is not None and self.backend != "sqlite"
        return self.host, self.port or _PORTS[self.backend]


def remember_store(config: MetadataConfig) -> None:
    """Writes into the home where its runs are recorded, for whoever reads them later."""
    path = _record_path()
    if config.backend == "sqlite":
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: a reader may come at any time.
    written = path.with_suffix(".new")
    written.write_text(json.dumps(dataclasses.asdict(config)) + "\n", encoding="utf-8")
    written.replace(path)


def remembered_store() -> MetadataConfig | None:
    """Where the last run of this home was recorded, None where nothing has run."""
    path = _record_path()
    if path.exists():
        return MetadataConfig(**json.loads(path.read_text(encoding="utf-8")))
    return MetadataConfig() if metadata_path().exists() else None


def _record_path() -> Path:
    return metadata_path().with_name("server.json")
