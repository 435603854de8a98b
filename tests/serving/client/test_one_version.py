"""The parts of one request are answered by one version: vectors of two cannot be compared."""

from __future__ import annotations

import threading

import pytest

pytestmark = pytest.mark.parametrize("interface", ["grpc", "rest"])


def test_though_another_is_pushed_meanwhile(server, versions, over, interface):
    server.delay = 0.1
    threading.Timer(0.25, server.push, (2, versions[2])).start()
    answer = over(server, interface, max_batch=1).embed(["a"] * 5)
    assert answer.embedding[:, 2].tolist() == [1.0] * 5


def test_of_the_next_where_it_is_replaced_meanwhile(server, versions, over, interface):
    def replace():
        server.push(2, versions[2])
        server.withdraw(1)

    server.delay = 0.1
    threading.Timer(0.25, replace).start()
    answer = over(server, interface, max_batch=1).embed(["a"] * 5)
    assert answer.embedding[:, 2].tolist() == [2.0] * 5
