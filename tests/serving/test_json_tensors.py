"""Tensors go through JSON and come back, or are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from serving.embedded.json_tensors import parse_request, read_inputs, to_tensor, write_outputs
from serving.embedded.servable import Input, Signature
from serving.embedded.status import FAILED_PRECONDITION, Refused

SHAPES = npst.array_shapes(min_dims=1, max_dims=3, max_side=4)
DTYPES = {
    "float32": (tf.float32, st.floats(width=32, allow_nan=True, allow_infinity=True)),
    "int32": (tf.int32, st.integers(-(2**31), 2**31 - 1)),
    "int64": (tf.int64, st.integers(-(2**63), 2**63 - 1)),
    "bool": (tf.bool, st.booleans()),
}


@pytest.mark.parametrize("name", DTYPES)
@given(data=st.data())
def test_an_array_comes_back_to_the_last_bit(name, data):
    dtype, values = DTYPES[name]
    array = data.draw(npst.arrays(dtype.as_numpy_dtype, SHAPES, elements=values))
    written = json.loads(write_outputs({"x": array}, by_row=False))["outputs"]
    found = to_tensor(written, Input(dtype, (None,) * array.ndim), "x")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    if dtype == tf.float32:
        # JSON has no sign of NaN; -0 is not 0.
        number = ~np.isnan(array)
        np.testing.assert_array_equal(np.signbit(found[number]), np.signbit(array[number]))


@given(values=st.lists(st.one_of(st.text(), st.binary()), max_size=5))
def test_strings_and_bytes_come_back(values):
    coded = [
        one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one for one in values
    ]
    array = np.array(coded, object)
    written = json.loads(write_outputs({"x": array}, by_row=False))["outputs"]
    assert to_tensor(written, Input(tf.string, (None,)), "x").tolist() == coded
    # By this ending TF Serving knows that a tensor holds no text.
    written = json.loads(write_outputs({"x_bytes": array}, by_row=False))["outputs"]
    assert all(set(one) == {"b64"} for one in written)
    assert to_tensor(written, Input(tf.string, (None,)), "x").tolist() == coded


@given(
    array=npst.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(0, 3)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    ),
    data=st.data(),
)
def test_rows_and_columns_say_the_same(array, data):
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=len(array), max_size=len(array))))
    outputs = {"x": array, "y": flags}
    columns = json.loads(write_outputs(outputs, by_row=False))["outputs"]
    rows = json.loads(write_outputs(outputs, by_row=True))["predictions"]
    assert rows == [{"x": x, "y": y} for x, y in zip(columns["x"], columns["y"], strict=True)]
    signature = Signature(
        "s", "", {"x": Input(tf.float32, (None, None)), "y": Input(tf.bool, (None,))}, []
    )
    by_row = read_inputs({"instances": rows}, signature)
    by_column = read_inputs({"inputs": columns}, signature)
    for name in outputs:
        np.testing.assert_array_equal(by_row[name], by_column[name])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(value=JSON, dtype=st.sampled_from([tf.float32, tf.int32, tf.int64, tf.bool, tf.string]))
def test_whatever_comes_is_a_tensor_of_the_dtype_or_refused(value, dtype):
    wanted = Input(dtype, (None, 2))
    try:
        found = to_tensor(value, wanted, "x")
    except Refused as error:
        assert "'x'" in error.message
    else:
        assert found.ndim == 2 and found.shape[1] == 2
        assert found.dtype == dtype.as_numpy_dtype


@given(body=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_body_comes_is_an_object_or_refused(body):
    try:
        assert isinstance(parse_request(body), dict)
    except Refused as error:
        assert error.http == 400


def test_numbers_are_not_taken_for_one_another():
    for value, dtype in [
        ([True, 1], tf.int32),
        ([1.0], tf.int32),
        ([True], tf.float32),
        ([0], tf.bool),
        ([2**31], tf.int32),
        (["1"], tf.float32),
        ([10**400], tf.float32),
        ([1e39], tf.float32),
        ([0.5, -(2**24)], tf.float32),
        ([None], tf.string),
        ([{"b64": "AA=="}, {"b65": "AA=="}], tf.string),
    ]:
        with pytest.raises(Refused):
            to_tensor(value, Input(dtype, (None,)), "x")


def test_numbers_that_floats_hold():
    """Infinity may be said, but is not made of other numbers; and wide integers with a point."""
    given = [2**24 - 1, float(2**24), 3.4028235e38, -np.inf]
    found = to_tensor(given, Input(tf.float32, (None,)), "x")
    np.testing.assert_array_equal(found, np.array(given, np.float32))
    assert np.isfinite(found[2])


@pytest.mark.parametrize("coded", ["aGVqIQ==", "aGVqIQ"])
def test_base64_may_come_without_its_padding(coded):
    assert to_tensor([{"b64": coded}], Input(tf.string, (None,)), "x").tolist() == [b"hej!"]


@pytest.mark.parametrize("coded", ["aGVqI", "aGVqIQ=", "aGVq-Q==", "aGVqIQ==x", "aGVq\nIQ==", "ä"])
def test_what_is_no_base64_is_refused(coded):
    with pytest.raises(Refused, match="Input 'x' has a bad base64 string"):
        to_tensor([{"b64": coded}], Input(tf.string, (None,)), "x")


def test_an_empty_list_is_a_batch_of_no_rows():
    assert to_tensor([], Input(tf.float32, (None, 3)), "x").shape == (0, 3)
    assert to_tensor([[], []], Input(tf.string, (None, None)), "x").shape == (2, 0)


def test_outputs_without_rows_in_common_cannot_be_written_by_row():
    with pytest.raises(Refused) as found:
        write_outputs({"x": np.zeros(3), "y": np.zeros(())}, by_row=True)
    assert found.value.code is FAILED_PRECONDITION
