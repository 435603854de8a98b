"""From the text of a `catalogue.yaml` to a `Catalogue`, refusing what it does not understand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from catalogues.errors import InputError, nearest
from catalogues.spec import (
    LISTENING,
    SPEC_FILE,
    ArtistTable,
    Catalogue,
    EdgeTable,
    Modality,
    PlayTable,
    table_files,
)

MODALITY_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

RESERVED_NAMES: Final = (
    "id",
    "name",
    "popularity",
    "split",
    "similar",
    "neighbor",
    "artist",
)
"""Names that a modality may not have: the ego graphs have features and sets so called."""

_CONTENT_KEYS: Final = ("table", "artist", "columns", "column", "categories", "weight")


def read_spec(folder: Path) -> Catalogue:
    """Reads ``folder/catalogue.yaml``; see `catalogues.spec.load_catalogue`."""
    document = _Mapping(_load_yaml(folder), "")
    document.known(("name", "description", "artists", "content", "edges", "plays"))
    artists = _artists(document.mapping("artists"))
    catalogue = Catalogue(
        folder=folder,
        name=document.text("name"),
        description=document.optional_text("description") or "",
        artists=artists,
        content=_content(document.optional_mapping("content"), artists),
        edges=_edges(document.mapping("edges")),
        plays=_plays(document.optional_mapping("plays")),
    )
    if catalogue.plays and any(modality.name == LISTENING for modality in catalogue.content):
        raise InputError(
            f"{SPEC_FILE}: a modality under content may not be called '{LISTENING}' where there "
            f"are plays, which become a modality of that name; rename it, for example to "
            f"'{LISTENING}_content'."
        )
    tables = [catalogue.artists.table, catalogue.edges.table]
    tables += [modality.table for modality in catalogue.content]
    tables += [catalogue.plays.table] if catalogue.plays else []
    for table in dict.fromkeys(tables):
        table_files(folder, table)
    return catalogue


def _artists(section: _Mapping) -> ArtistTable:
    section.known(("table", "id", "name", "popularity", "split", "meta"))
    return ArtistTable(
        table=section.text("table"),
        id=section.text("id"),
        name=section.optional_text("name"),
        popularity=section.optional_text("popularity"),
        split=section.optional_text("split"),
        meta=section.optional_texts("meta"),
    )


def _edges(section: _Mapping) -> EdgeTable:
    section.known(("table", "source", "target", "weight", "directed"))
    return EdgeTable(
        table=section.text("table"),
        source=section.text("source"),
        target=section.text("target"),
        weight=section.optional_text("weight"),
        directed=section.optional_flag("directed", default=False),
    )


def _plays(section: _Mapping | None) -> PlayTable | None:
    if section is None:
        return None
    section.known(("table", "listener", "artist", "plays"))
    return PlayTable(
        table=section.text("table"),
        listener=section.text("listener"),
        artist=section.text("artist"),
        plays=section.text("plays"),
    )


def _content(section: _Mapping | None, artists: ArtistTable) -> tuple[Modality, ...]:
    if section is None:
        return ()
    for name in section.values:
        if not MODALITY_NAME.fullmatch(name):
            raise InputError(
                f"{SPEC_FILE}: the modality name '{name}' under content must be lower-case "
                "letters, digits and underscores, and begin with a letter; rename it."
            )
        if name in RESERVED_NAMES:
            raise InputError(
                f"{SPEC_FILE}: a modality under content may not be called '{name}', which the "
                f"ego graphs use for something else; rename it, for example to '{name}_content'."
            )
    return tuple(_modality(name, section.mapping(name), artists) for name in section.values)


def _modality(name: str, section: _Mapping, artists: ArtistTable) -> Modality:
    section.known(_CONTENT_KEYS)
    forms = [key for key in ("columns", "column", "categories") if key in section.values]
    if len(forms) != 1:
        raise InputError(
            f"{SPEC_FILE}: {section.where} must have exactly one of columns, column and "
            f"categories, but has {' and '.join(forms) or 'none'}."
        )
    form = forms[0]
    own_table = "table" in section.values
    if own_table != ("artist" in section.values):
        present, absent = ("table", "artist") if own_table else ("artist", "table")
        raise InputError(
            f"{SPEC_FILE}: {section.where} has the key '{present}' and so needs '{absent}' too "
            "(artist names the column of that table that holds the artist id)."
        )
    if "weight" in section.values and not (own_table and form == "categories"):
        raise InputError(
            f"{SPEC_FILE}: {section.where}.weight is only for categories of another table; "
            "remove it or give the table and its artist column."
        )
    columns = section.texts("columns") if form == "columns" else (section.text(form),)
    return Modality(
        name=name,
        kind="categories" if form == "categories" else "vector",
        table=section.text("table") if own_table else artists.table,
        artist=section.text("artist") if own_table else artists.id,
        columns=columns,
        is_list=form == "column",
        weight=section.optional_text("weight"),
    )


class _Mapping:
    """A mapping of the YAML file that knows its own place, for the messages."""

    def __init__(self, values: object, where: str):
        if not isinstance(values, dict):
            raise InputError(
                f"{SPEC_FILE}: {where or 'the file'} must be a list of 'key: value' lines, "
                f"not {_shown(values)}."
            )
        for key in values:
            if not isinstance(key, str):
                raise InputError(
                    f"{SPEC_FILE}: the key {key!r} in {where or 'the file'} must be text; "
                    "put it in quotes."
                )
        self.values: dict[str, Any] = values
        self.where = where

    def known(self, keys: Sequence[str]) -> None:
        for key in self.values:
            if key not in keys:
                raise InputError(
                    f"{SPEC_FILE}: unknown key '{self._path(key)}'{nearest(key, keys)}; "
                    f"the keys here are {', '.join(keys)}."
                )

    def text(self, key: str) -> str:
        return self._text(self._required(key), self._path(key))

    def optional_text(self, key: str) -> str | None:
        return None if self.values.get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        value, path = self._required(key), self._path(key)
        if not isinstance(value, list) or not value:
            raise InputError(
                f"{SPEC_FILE}: {path} must be a list of column names such as [energy, tempo], "
                f"not {_shown(value)}."
            )
        texts = tuple(self._text(item, path) for item in value)
        for text in texts:
            if texts.count(text) > 1:
                raise InputError(f"{SPEC_FILE}: {path} names '{text}' twice; remove one.")
        return texts

    def optional_texts(self, key: str) -> tuple[str, ...]:
        return self.texts(key) if self.values.get(key) else ()

    def optional_flag(self, key: str, *, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise InputError(
                f"{SPEC_FILE}: {self._path(key)} must be true or false, not {_shown(value)}."
            )
        return value

    def mapping(self, key: str) -> _Mapping:
        return _Mapping(self._required(key), self._path(key))

    def optional_mapping(self, key: str) -> _Mapping | None:
        return None if self.values.get(key) is None else self.mapping(key)

    def _required(self, key: str) -> object:
        if key not in self.values:
            raise InputError(f"{SPEC_FILE}: the key '{self._path(key)}' is missing; add it.")
        return self.values[key]

    def _path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    @staticmethod
    def _text(value: object, path: str) -> str:
        if not isinstance(value, str) or not value.strip():
            # YAML reads no, on and 12 as something else than text.
            raise InputError(
                f"{SPEC_FILE}: {path} must be text, not {_shown(value)}; put it in quotes if it "
                "is meant as text."
            )
        return value


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, where YAML would silently let the last one win."""


def _unique_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[object] = set()
    for key_node, _ in node.value:
        key = key_node.value
        if isinstance(key, str) and key in seen:
            raise InputError(
                f"{SPEC_FILE}: line {key_node.start_mark.line + 1} gives the key '{key}' "
                "a second time; remove one of the two."
            )
        if isinstance(key, str):
            seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _load_yaml(folder: Path) -> object:
    path = folder / SPEC_FILE
    if not path.is_file():
        raise InputError(
            f"The folder '{folder.name}' holds no {SPEC_FILE}; add one (docs/catalogue.md shows "
            "the smallest) or name a folder that has it."
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{SPEC_FILE} is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from None
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise InputError(
            f"{SPEC_FILE}{line} is not valid YAML: {problem}; correct the line."
        ) from None
