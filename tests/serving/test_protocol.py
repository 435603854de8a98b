"""The messages are TensorFlow Serving's, and tensors survive them."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import get_model_status_pb2, predict_pb2, prediction_service_pb2

from serving import protocol
from tests.serving.model_server import as_proto_field

NUMBERS = st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.bool_])
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
TEXTS = arrays.arrays(object, SHAPES, elements=st.text(max_size=5))


def official(full_name: str):
    """The message as the package tensorflow-serving-api declares it."""
    pool = prediction_service_pb2.DESCRIPTOR.pool
    nested = {"tensorflow.Dim": "tensorflow.TensorShapeProto.Dim"}
    return pool.FindMessageTypeByName(nested.get(full_name, full_name))


@pytest.mark.parametrize("message", protocol.FIELDS)
def test_fields_are_those_of_tensorflow_serving(message):
    theirs = official(message).fields_by_name
    ours = protocol._MESSAGES[message].DESCRIPTOR.fields_by_name
    assert set(ours) <= set(theirs)
    for name, field in ours.items():
        assert field.number == theirs[name].number
        assert field.label == theirs[name].label
        if theirs[name].type == field.TYPE_ENUM:  # An enum is an int32 on the wire.
            assert field.type == field.TYPE_INT32
        else:
            assert field.type == theirs[name].type


def test_states_are_those_of_tensorflow_serving():
    states = get_model_status_pb2.ModelVersionStatus.State
    assert {number: name for name, number in states.items() if number} == protocol._STATES


def test_types_are_those_of_tensorflow():
    for number, (name, dtype, _) in protocol._DTYPES.items():
        assert types_pb2.DataType.Name(number) == name
        assert dtype.kind == "O" or tf.as_dtype(number).as_numpy_dtype == dtype


@given(NUMBERS.flatmap(lambda dtype: arrays.arrays(dtype, SHAPES)))
def test_numbers_arrive_as_they_were_sent(array):
    sent = protocol.tensor_of(array).SerializeToString()
    np.testing.assert_array_equal(
        tf.make_ndarray(tensor_pb2.TensorProto.FromString(sent)), array, strict=True
    )
    answered = tf.make_tensor_proto(array).SerializeToString()
    np.testing.assert_array_equal(
        protocol.array_of(protocol.TensorProto.FromString(answered)), array, strict=True
    )


@given(TEXTS)
def test_texts_arrive_as_they_were_sent(array):
    sent = tensor_pb2.TensorProto.FromString(protocol.tensor_of(array).SerializeToString())
    there = tf.constant(tf.make_ndarray(sent), tf.string)
    back = as_proto_field(there).SerializeToString()
    np.testing.assert_array_equal(
        protocol.array_of(protocol.TensorProto.FromString(back)), array, strict=True
    )


def test_values_that_equal_the_last_one_may_be_left_out():
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1.0, 2.0])
    tensor.tensor_shape.dim.add(size=2)
    tensor.tensor_shape.dim.add(size=2)
    read = protocol.array_of(protocol.TensorProto.FromString(tensor.SerializeToString()))
    assert read.tolist() == [[1.0, 2.0], [2.0, 2.0]]


@pytest.mark.parametrize(
    "tensor",
    [
        tensor_pb2.TensorProto(dtype=types_pb2.DT_HALF),
        tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1.0, 2.0]),  # A scalar of two.
        tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_content=b"abc"),
    ],
)
def test_a_tensor_that_contradicts_itself_is_refused(tensor):
    with pytest.raises(ValueError):
        protocol.array_of(protocol.TensorProto.FromString(tensor.SerializeToString()))


def test_a_tensor_of_another_type_is_not_sent():
    with pytest.raises(ValueError, match="complex64"):
        protocol.tensor_of(np.zeros(1, np.complex64))


def test_requests_are_read_by_tensorflow_serving():
    request = protocol.PredictRequest()
    request.model_spec.name, request.model_spec.version.value = "m", 3
    request.model_spec.signature_name = "similar"
    request.inputs["k"].CopyFrom(protocol.tensor_of(np.array(5, np.int32)))
    read = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    assert (read.model_spec.name, read.model_spec.version.value) == ("m", 3)
    assert tf.make_ndarray(read.inputs["k"]) == 5
