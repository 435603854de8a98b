"""Rows from all formats: the same rows, and every fault seen where it is."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalogues.errors import InputError
from catalogues.tables import Row, read_rows
from catalogues.values import to_categories, to_float, to_id, to_vector


def rows_of(path, required, optional=()):
    return list(read_rows(path, path.name, required, optional))


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def faults(rows):
    return [row.fault for row in rows]


names = st.text(st.characters(exclude_categories=("C",)), min_size=1).filter(str.strip)
labels = names.filter(lambda text: ";" not in text and not text.lstrip().startswith("["))
numbers = st.floats(allow_nan=False, allow_infinity=False)
records = st.lists(
    st.fixed_dictionaries(
        {
            "id": names,
            "number": st.none() | numbers,
            "vector": st.none() | st.lists(numbers, min_size=1, max_size=3),
            "labels": st.none() | st.lists(labels, min_size=1, max_size=3),
        }
    ),
    max_size=5,
)


def meanings(rows):
    """What each row says, so that formats can be compared; hypothesis draws no faulty rows."""
    assert faults(rows) == [None] * len(rows)
    return [
        (
            row.number,
            to_id(row.values["id"]),
            to_float(row.values["number"]),
            to_vector(row.values["vector"]),
            to_categories(row.values["labels"]),
        )
        for row in rows
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=records)
def test_all_formats_give_the_same_rows(tmp_path, records):
    columns = ["id", "number", "vector", "labels"]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for record in records:
        vector = None if record["vector"] is None else json.dumps(record["vector"])
        joined = None if record["labels"] is None else ";".join(record["labels"])
        writer.writerow([record["id"], record["number"], vector, joined])
    written = {
        "t.csv": text.getvalue().encode(),
        "t.csv.gz": gzip.compress(text.getvalue().encode()),
        "t.jsonl": "".join(json.dumps(record) + "\n" for record in records).encode(),
    }
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("number", pa.float64()),
            ("vector", pa.list_(pa.float64())),
            ("labels", pa.list_(pa.string())),
        ]
    )
    pq.write_table(pa.Table.from_pylist(records, schema), tmp_path / "t.parquet")
    expected = [
        (
            place + 1,
            record["id"].strip(),
            record["number"],
            None if record["vector"] is None else tuple(record["vector"]),
            to_categories(record["labels"]),
        )
        for place, record in enumerate(records)
    ]
    for name, content in written.items():
        write(tmp_path / name, content)
    for name in (*written, "t.parquet"):
        assert meanings(rows_of(tmp_path / name, columns)) == expected, name


def test_only_wanted_columns_come(tmp_path):
    path = write(tmp_path / "t.csv", "a,b,c\n1,,3\n")
    (row,) = rows_of(path, ["c", "b"], ["zz"])
    assert row == Row("t.csv", 1, {"c": "3", "b": None, "zz": None}, None)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl"])
def test_byte_order_mark_and_windows_lines(tmp_path, name):
    content = {
        "t.csv": "a,b\r\n1,2\r\n",
        "t.tsv": "a\tb\r\n1\t2\r\n",
        "t.jsonl": '{"a": "1", "b": "2"}\r\n',
    }[name]
    path = write(tmp_path / name, b"\xef\xbb\xbf" + content.encode())
    assert rows_of(path, ["a", "b"]) == [Row(name, 1, {"a": "1", "b": "2"}, None)]


def test_csv_faults_stand_in_their_rows(tmp_path):
    path = write(
        tmp_path / "t.csv",
        b"id,name\n"
        b"1,ok\n"
        b"2\n"
        b"\n"  # a blank line is no row
        b"3,b,c\n"
        b"4,caf\xe9\n"
        b'5,"a"b\n'
        b"6,ok\n"
        b'7,"open\n'
        b"8,swallowed\n",
    )
    rows = rows_of(path, ["id", "name"])
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert rows[0].fault is None and rows[5].fault is None
    assert rows[1].fault == "1 fields where the header has 2"
    assert rows[1].values == {"id": "2", "name": None}
    assert rows[2].fault == "3 fields where the header has 2"
    assert rows[3] == Row("t.csv", 4, {"id": "4", "name": "caf\ufffd"}, "undecodable text")
    assert rows[4].fault.startswith("not valid CSV")
    # The quote that was left open ends with the file; no line is lost without a word.
    assert rows[6].fault.startswith("not valid CSV")
    assert rows[6].fault.endswith("(lines 9 to 10 of the file)")


def test_undecodable_text_in_an_unwanted_column_does_not_matter(tmp_path):
    path = write(tmp_path / "t.csv", b"id,name\n1,caf\xe9\n")
    assert faults(rows_of(path, ["id"])) == [None]


def test_a_missing_column_is_the_fault_of_every_row(tmp_path):
    path = write(tmp_path / "t.csv", "id\n1\n2\n")
    rows = rows_of(path, ["id", "name", "split"])
    assert faults(rows) == ["missing column name, split"] * 2
    assert rows[1].values == {"id": "2", "name": None, "split": None}
    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "t.parquet")
    rows = rows_of(tmp_path / "t.parquet", ["id", "name"])
    assert faults(rows) == ["missing column name"] * 2
    assert rows[1].values == {"id": 2, "name": None}


def test_json_lines_faults(tmp_path):
    path = write(
        tmp_path / "t.jsonl",
        b'{"id": 1, "x": null}\n'
        b"\n"
        b'{"id": 2}\n'
        b"{oops\n"
        b"[1, 2]\n"
        b'{"id": "caf\xe9", "x": 1}\n'
        b'{"id": 6, "x": ["ok", "caf\xe9"]}\n'
        b'{"id": "\\ud800", "x": 1}\n' + b"[" * 100_000 + b"\n",
    )
    rows = rows_of(path, ["id", "x"])
    assert faults(rows) == [
        None,
        "missing column x",
        "not valid JSON",
        "not a JSON object",
        "undecodable text",
        "undecodable text",
        "undecodable text",
        "not valid JSON",
    ]
    assert rows[4].values["id"] == "caf\ufffd"
    assert rows[5].values["x"] == ["ok", "caf\ufffd"]
    assert [row.number for row in rows] == list(range(1, 9))


def test_parquet_text_that_is_no_utf8(tmp_path):
    raw = pa.array([b"ok", b"caf\xe9"], pa.binary())
    bad = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    pq.write_table(pa.table({"id": bad, "raw": raw}), tmp_path / "t.parquet")
    rows = rows_of(tmp_path / "t.parquet", ["id", "raw"])
    assert faults(rows) == [None, "undecodable text"]
    assert rows[0].values == {"id": "ok", "raw": "ok"}
    assert rows[1].values == {"id": "caf\ufffd", "raw": "caf\ufffd"}


def test_parquet_rows_are_counted_over_batches(tmp_path):
    pq.write_table(pa.table({"id": range(10_000)}), tmp_path / "t.parquet", row_group_size=3000)
    rows = rows_of(tmp_path / "t.parquet", ["id"])
    assert [row.number for row in rows] == list(range(1, 10_001))
    assert [row.values["id"] for row in rows] == list(range(10_000))


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.jsonl"])
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n"])
def test_an_empty_file_has_no_rows(tmp_path, name, content):
    content = gzip.compress(content) if name.endswith(".gz") else content
    assert rows_of(write(tmp_path / name, content), ["id"]) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.parquet", b"PAR1 no, not really", "cannot be read as Parquet"),
        ("t.parquet", b"", "cannot be read as Parquet"),
        ("t.csv.gz", b"id\n1\n", "damaged or no gzip file"),
        (
            "t.jsonl.gz",
            gzip.compress(b'{"id": 1}\n' * 1000, mtime=0)[:40],
            "damaged or no gzip file",
        ),
        ("t.xlsx", b"PK", "no table that can be read"),
        ("t.csv", "id,x\n1,2\n".encode("utf-16"), "not readable as CSV"),
        ("t.csv", b"id,id\n1,2\n", "two columns called 'id'"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path, name, content, message):
    with pytest.raises(InputError, match=message) as error:
        rows_of(write(tmp_path / name, content), ["id"])
    assert str(tmp_path) not in str(error.value)


def test_a_long_cell_is_read(tmp_path):
    vector = json.dumps([0.123456789012345] * 10_000)
    path = write(tmp_path / "t.csv", f'id,v\n1,"{vector}"\n')
    (row,) = rows_of(path, ["v"])
    assert len(to_vector(row.values["v"])) == 10_000
