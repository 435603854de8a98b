"""A catalogue whose tables have rows that are easy to count."""

SPEC = """
name: counted
artists: {table: artists.csv, id: id}
content: {tags: {table: tags-*.csv, artist: id, categories: tag}}
plays: {table: plays.csv, listener: listener, artist: id, plays: plays}
edges: {table: edges.csv, source: a, target: b}
"""
FILES = {
    "catalogue.yaml": SPEC,
    "artists.csv": "id\n1\n2\n3\n",
    "tags-0.csv": "id,tag\n1,jazz\n",
    "tags-1.csv": "id,tag\n2,folk\n2,jazz\n",
    "plays.csv": "listener,id,plays\nme,1,5\n",
    "edges.csv": "a,b\n1,2\n2,3\n",
    "notes.csv": "of no table\n" * 50,
}
ROWS = 3 + 1 + 2 + 1 + 2
