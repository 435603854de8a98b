"""What content adds to the graph: paired over queries, seeds that both have, both ways to rank."""

import numpy as np
import pytest

from benchmarks.modalities.content_worth import CONTENT, GRAPH, content_worth, worth_section
from benchmarks.plan import jobs_of
from benchmarks.store import Queries, Store
from benchmarks.suite import load_suite

DIGEST = "0123456789ab"
# Four queries, of which the last two have content.
SCORES = {
    (GRAPH, 0): [0.1, 0.2, 0.3, 0.4],
    (GRAPH, 1): [0.3, 0.4, 0.5, 0.6],
    (CONTENT, 0): [0.1, 0.2, 0.5, 0.6],
    (CONTENT, 1): [0.3, 0.4, 0.7, 0.8],
    (CONTENT, 2): [0.9, 0.9, 0.9, 0.9],
}


@pytest.fixture
def suite():
    return load_suite("layers")


def kept(suite, folder, trained):
    """A store with the scores of some systems and seeds; the pairwise term adds 0.1 to them."""
    store = Store(folder)
    has_content = np.array([False, False, True, True])
    store.write_queries(DIGEST, Queries(np.ones(4, np.int32), has_content, 0, 9))
    for job in jobs_of(suite, DIGEST):
        if (job.system.name, job.seed) in trained:
            scores = np.array(SCORES[job.system.name, job.seed])
            arrays = {"connected": scores, "cold": scores * 0, "connected-pairwise": scores + 0.1}
            record = {"seed": job.seed, "pairwise": {"val": {}}}
            store.write(job.key, job.title, record, arrays)
    return store


def test_queries_are_paired_over_the_seeds_that_both_have(suite, tmp_path):
    rows = content_worth(suite, DIGEST, kept(suite, tmp_path, SCORES))
    assert [row["seeds"] for row in rows] == [[0, 1]] * 2
    vectors, pairwise = rows
    # By hand: means over seeds 0 and 1 are .2 .3 .4 .5 and .2 .3 .6 .7; seed 2 does not count.
    assert vectors["all"]["graph"]["value"] == pytest.approx(0.35)
    assert vectors["all"]["content"]["value"] == pytest.approx(0.45)
    assert vectors["all"]["content_minus_graph"]["value"] == pytest.approx(0.1)
    # Of those with content each gains 0.2, so that their interval has no width.
    gained = vectors["with_content"]["content_minus_graph"]
    assert [gained[part] for part in ("value", "low", "high")] == pytest.approx([0.2] * 3)
    assert pairwise["all"]["graph"]["value"] == pytest.approx(0.45)
    assert pairwise["all"]["content_minus_graph"]["value"] == pytest.approx(0.1)


@pytest.mark.parametrize("trained", [[(GRAPH, 0)], [(GRAPH, 0), (CONTENT, 1)]])
def test_without_a_seed_of_both_there_is_nothing_to_say(trained, suite, tmp_path):
    rows = content_worth(suite, DIGEST, kept(suite, tmp_path, trained))
    assert rows == []
    assert worth_section(rows, {}) == []


def test_the_page_has_a_line_for_each_way_and_each_set_of_queries(suite, tmp_path):
    rows = content_worth(suite, DIGEST, kept(suite, tmp_path, SCORES))
    head, text, lines = worth_section(rows, {"judged": 4, "with_content": 2})
    assert head == "## With content against the graph alone"
    assert "over 2 seeds" in text
    assert "| the vectors' dot product | the 2 with content | 0.450" in lines
    assert "| +0.200 [+0.200, +0.200] |" in lines
    assert len(lines.splitlines()) == 2 + 4


def test_both_systems_read_what_their_names_say(suite):
    by_name = {system.name: system.trainer for system in suite.systems}
    assert by_name[GRAPH].features.modalities == ("random",)
    assert by_name[CONTENT].features.modalities == ("audio", "listening", "tags")
    assert by_name[GRAPH].system == by_name[CONTENT].system == "diffusion"
