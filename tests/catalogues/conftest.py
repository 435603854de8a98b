"""Small catalogues for the tests of `catalogues`."""

from collections.abc import Callable
from pathlib import Path

import pytest

MakeCatalogue = Callable[..., Path]


@pytest.fixture
def make_catalogue(tmp_path: Path) -> MakeCatalogue:
    """Writes a catalogue folder from file contents; `catalogue.yaml` and two tables by default."""

    def make(**files: str) -> Path:
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        contents = {
            "catalogue.yaml": SMALLEST,
            "artists.csv": "artist_id,name\na,Ann\nb,Bo\nc,Cy\n",
            "edges.csv": "source,target\na,b\n",
        }
        contents |= {name.replace("__", "."): text for name, text in files.items()}
        for name, text in contents.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        return folder

    return make


SMALLEST = """\
name: mine
artists:
  table: artists.csv
  id: artist_id
  name: name
edges:
  table: edges.csv
  source: source
  target: target
"""
