"""The connection to TFX's metadata store, whose errors are told in one sentence.

Those of ML Metadata name no cause; what it writes to the terminal, `pipeline.quiet` keeps back.
"""

from __future__ import annotations

import os
import socket
from typing import Final

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from catalogues.errors import InputError
from pipeline.home import metadata_path
from pipeline.metadata_config import PASSWORD_VARIABLE, MetadataConfig

_TIMEOUT: Final = 10.0
"""Seconds that a server may take to answer at all."""
_NAMES: Final = {"mysql": "MySQL", "postgresql": "PostgreSQL"}


def connection_config(config: MetadataConfig) -> metadata_store_pb2.ConnectionConfig:
    """What ML Metadata connects by. For a server it holds the password: it is not to be written.

    Args:
      config: the configuration; the password is that of ARTIST_SIM_METADATA_PASSWORD.
    """
    made = metadata_store_pb2.ConnectionConfig()
    if config.backend == "sqlite":
        metadata_path().parent.mkdir(parents=True, exist_ok=True)
        made.sqlite.filename_uri = str(metadata_path())
        made.sqlite.connection_mode = (
            metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        )
        return made
    host, port = config.address
    password = os.environ.get(PASSWORD_VARIABLE, "")
    assert config.database is not None and config.user is not None
    if config.backend == "mysql":
        server = made.mysql
        # The client takes the name for that of a socket's file.
        server.host = "127.0.0.1" if host == "localhost" else host
        server.port = port
        server.database, server.user, server.password = config.database, config.user, password
        # Who may not create databases may not say 'if it does not exist' either.
        server.skip_db_creation = True
        return made
    postgresql = made.postgresql
    # Handed on within a text of words and values, where spaces and quotes have a meaning.
    postgresql.host, postgresql.port = _quoted(host), str(port)
    postgresql.dbname, postgresql.user = _quoted(config.database), _quoted(config.user)
    if password:
        postgresql.password = _quoted(password)
    postgresql.skip_db_creation = True
    return made


def connect(config: MetadataConfig) -> mlmd.MetadataStore:
    """Opens the store, and makes its tables where there are none.

    Raises:
      InputError: the server is not reached, or does not let the user in.
    """
    if config.backend == "sqlite":
        return mlmd.MetadataStore(connection_config(config))
    host, port = config.address
    server = f"The {_NAMES[config.backend]} server {host}:{port} of the runs' metadata"
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT).close()
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        raise InputError(
            f"{server} cannot be reached ({why}); start it, or correct `metadata.host` and "
            "`metadata.port` in the configuration."
        ) from None
    try:
        return mlmd.MetadataStore(connection_config(config))
    except RuntimeError:
        known = "" if os.environ.get(PASSWORD_VARIABLE) else ", which is not set"
        raise InputError(
            f"{server} does not let the user '{config.user}' make tables in the database "
            f"'{config.database}'; check `metadata.user`, `metadata.database` and the password in "
            f"{PASSWORD_VARIABLE}{known}."
        ) from None


def _quoted(value: str) -> str:
    r"""A value of a connection text: 'it\'s'."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
