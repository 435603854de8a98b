"""What stops a run, and in which words."""

from __future__ import annotations

import copy

import pytest

from catalogues.errors import InputError
from components.catalogue_example_gen.conserved import LostRecordsError
from components.catalogue_example_gen.executor import check_summary

GOOD = {
    "tables": {"artists": "artists.csv", "edges": "edges-*.csv", "tags": "tags.csv"},
    "read": {"artists": 3, "edges": 2, "tags": 1},
    "kept": {"artists": 3, "edges": 2, "tags": 1},
    "rejected": {},
    "artists": {"train": 1, "val": 1, "test": 1},
    "edges": {"train-val": 2},
    "listed": {"neighbors": 2},
    "written": {"train": 1, "val": 1, "test": 1, "hidden_val": 0, "hidden_test": 0},
    "cut": {},
    "cut_tracks": {},
    "first_rejects": [],
    "unreadable": [],
}
REJECT = {
    "table": "edges", "file": "edges-1.csv", "row": 2, "key": "a - a", "reason": "self-loop",
    "kind": "self-loop",
}  # fmt: skip


def changed(**parts):
    summary = copy.deepcopy(GOOD)
    for name, part in parts.items():
        if isinstance(part, dict):
            summary[name].update(part)
        else:
            summary[name] = part
    return summary


def error_of(summary, on_bad_rows="error"):
    with pytest.raises(InputError) as raised:
        check_summary(summary, on_bad_rows)
    message = str(raised.value)
    assert message.endswith(".") and ". " not in message
    return message


@pytest.mark.parametrize("on_bad_rows", ["error", "set_aside"])
def test_a_good_catalogue_passes(on_bad_rows):
    check_summary(GOOD, on_bad_rows)


def test_one_bad_row_is_named():
    summary = changed(read={"edges": 3}, rejected={"edges": {"self-loop": 1}})
    summary["first_rejects"] = [REJECT]
    message = error_of(summary)
    assert message.startswith("The catalogue has 1 bad row (edges-1.csv, row 2: self-loop);")
    check_summary(summary, "set_aside")


def test_a_lost_row_stops_the_run():
    with pytest.raises(LostRecordsError):
        check_summary(changed(read={"artists": 9}), "set_aside")


@pytest.mark.parametrize("on_bad_rows", ["error", "set_aside"])
def test_an_empty_edge_table_stops_the_run(on_bad_rows):
    summary = changed(read={"edges": 0})
    del summary["kept"]["edges"]
    assert "'edges-*.csv' (edges) is empty" in error_of(summary, on_bad_rows)


def test_an_empty_table_of_content_is_an_error_or_set_aside():
    summary = changed(read={"tags": 0})
    del summary["kept"]["tags"]
    assert "'tags.csv' (tags) is empty" in error_of(summary)
    check_summary(summary, "set_aside")


def test_a_table_of_which_no_row_can_be_used_stops_the_run():
    summary = changed(rejected={"edges": {"self-loop": 2}})
    del summary["kept"]["edges"]
    message = error_of(summary, "set_aside")
    assert "No row of the table 'edges-*.csv' (edges) can be used" in message


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_an_empty_split_stops_the_run(split):
    summary = changed()
    for part in ("artists", "written"):
        del summary[part][split]
        summary[part]["val" if split == "train" else "train"] = 2
    assert f"No artist is in the split '{split}'" in error_of(summary, "set_aside")


def test_a_damaged_file_stops_the_run_with_the_readers_own_words():
    words = "'edges-1.csv' is damaged or no gzip file; compress or copy it again."
    summary = changed(unreadable=[words], read={"edges": 3})
    summary["rejected"] = {"edges": {"unreadable file": 1}}
    assert error_of(summary, "set_aside") == words
