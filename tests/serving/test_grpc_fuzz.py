"""gRPC requests that are broken in any way: a right status, and a server that goes on.

A few bytes may claim any number of values: a request for which the server laid them out would be
seen by its memory.
"""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.serving.conformance.protocol_requests import new_artists, own_answer, refusal, requested

Code = grpc.StatusCode
# What a client may be told of its own mistakes. INTERNAL: what is no message at all.
MISTAKES = {Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.FAILED_PRECONDITION}
SIGNATURES = ("", "serving_default", "similar", "embed_new", "examples", "embed_graph", "score")
METHODS = tuple(
    f"/tensorflow.serving.{method}"
    for method in (
        "PredictionService/Predict",
        "PredictionService/Classify",
        "PredictionService/Regress",
        "PredictionService/GetModelMetadata",
        "ModelService/GetModelStatus",
    )
)
FUZZED = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def model(pushed):
    return tf.saved_model.load(str(pushed))


@pytest.fixture(scope="module")
def ids(model) -> list[str]:
    return [one.decode() for one in model.artist_id.numpy()[:3]]


@pytest.fixture(scope="module")
def channel(embedded):
    with grpc.insecure_channel(embedded.address.grpc) as channel:
        yield channel


@pytest.fixture(scope="module")
def stub(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def still_right(model, ids, stub):
    """Asks a good question, whose answer has to be the model's own."""
    expected = own_answer(model, "serving_default", {"artist_id": ids})

    def ask() -> None:
        answer = stub.Predict(requested(artist_id=ids), timeout=60)
        found = tf.make_ndarray(answer.outputs["embedding"])
        np.testing.assert_array_equal(found, expected["embedding"])

    return ask


@pytest.fixture(scope="module")
def asked(channel, still_right):
    """Sends bytes, says what became of them, and asks a good question."""

    def send(body: bytes, method: str = METHODS[0]) -> grpc.StatusCode:
        call = channel.unary_unary(method)
        try:
            call(body, timeout=60)
            code = Code.OK
        except grpc.RpcError as error:
            code = error.code()
            assert error.details()
            assert "Traceback" not in error.details() and "/tmp" not in error.details()
        still_right()
        return code

    return send


sizes = st.one_of(
    st.integers(-2, 4), st.sampled_from([65, 10**6, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63)])
)


@st.composite
def tensors(draw) -> Any:
    """A TensorProto whose parts have nothing to do with each other."""
    proto = tf.make_tensor_proto(0.0)
    proto.Clear()
    common = [types_pb2.DT_STRING, types_pb2.DT_INT32, types_pb2.DT_FLOAT, types_pb2.DT_INT64]
    proto.dtype = draw(
        st.sampled_from(common) | st.sampled_from(sorted(types_pb2.DataType.values()))
    )
    for size in draw(st.lists(sizes, max_size=3) | st.lists(st.integers(0, 1), max_size=40)):
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_shape.unknown_rank = draw(st.sampled_from([False, False, False, True]))
    proto.tensor_content = draw(st.just(b"") | st.binary(max_size=40))
    proto.string_val.extend(draw(st.lists(st.binary(max_size=8), max_size=4)))
    proto.int_val.extend(draw(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4)))
    proto.int64_val.extend(draw(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4)))
    proto.float_val.extend(draw(st.lists(st.floats(width=32), max_size=4)))
    proto.half_val.extend(draw(st.lists(st.integers(0, 2**31 - 1), max_size=2)))
    if draw(st.booleans()):
        proto.resource_handle_val.add(device="nowhere", name="nothing")
    return proto


@FUZZED
@given(data=st.data())
def test_tensors_that_contradict_themselves(asked, model, data):
    signature = data.draw(st.sampled_from(SIGNATURES))
    wanted = model.signatures[signature or "serving_default"].structured_input_signature[1]
    names = sorted(wanted) if data.draw(st.booleans()) else ["artist_id", "k"]
    request = requested(signature, **{name: data.draw(tensors()) for name in names})
    code = asked(request.SerializeToString())
    assert code in MISTAKES | {Code.OK}


@FUZZED
@given(data=st.data())
def test_right_dtypes_with_any_shapes_and_values(asked, model, data):
    # What is of the right dtype and rank comes as far as the model's own operations.
    signature = data.draw(st.sampled_from(SIGNATURES[1:]))
    inputs = {}
    for name, spec in model.signatures[signature].structured_input_signature[1].items():
        shape = [
            data.draw(st.integers(0, 4)) if size is None else size for size in spec.shape.as_list()
        ]
        number = int(np.prod(shape))
        if spec.dtype == tf.string:
            values = st.sampled_from([b"", b"a", b"\xff", b"\n\x00"]) | st.binary(max_size=20)
            flat = np.empty(number, object)
        elif spec.dtype.is_integer:
            limits = np.iinfo(spec.dtype.as_numpy_dtype)
            values = st.integers(-2, 5) | st.integers(int(limits.min), int(limits.max))
            flat = np.empty(number, spec.dtype.as_numpy_dtype)
        else:
            values = st.floats(width=32)
            flat = np.empty(number, np.float32)
        flat[:] = data.draw(st.lists(values, min_size=number, max_size=number))
        inputs[name] = tf.make_tensor_proto(flat.reshape(shape), spec.dtype, shape)
    code = asked(requested(signature, **inputs).SerializeToString())
    assert code in MISTAKES | {Code.OK}


@FUZZED
@given(data=st.data())
def test_messages_that_are_cut_or_garbled(asked, model, ids, data):
    inputs = data.draw(
        st.sampled_from(
            [
                ("", {"artist_id": ids}),
                ("similar", {"artist_id": ids, "k": np.int32(2)}),
                ("embed_new", new_artists(model, ids)),
            ]
        )
    )
    body = bytearray(requested(inputs[0], **inputs[1]).SerializeToString())
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] = data.draw(st.integers(0, 255))
    whole = data.draw(st.booleans())
    cut = len(body) if whole else data.draw(st.integers(0, len(body)))
    method = data.draw(st.sampled_from(METHODS))
    code = asked(bytes(body[:cut]), method)
    assert code in MISTAKES | {Code.OK, Code.INTERNAL}


@FUZZED
@given(body=st.binary(max_size=200), method=st.sampled_from(METHODS))
def test_bytes_that_are_no_message(asked, body, method):
    assert asked(body, method) in MISTAKES | {Code.OK, Code.INTERNAL}


@FUZZED
@given(wanted=st.lists(st.sampled_from(["known", "embedding"]) | st.text(), max_size=4))
def test_output_filters(asked, ids, wanted):
    request = requested(artist_id=ids)
    request.output_filter.extend(wanted)
    right = set(wanted) <= {"known", "embedding"} and len(set(wanted)) == len(wanted)
    assert asked(request.SerializeToString()) == (Code.OK if right else Code.INVALID_ARGUMENT)


def memory_of(pid: int) -> int:
    """The most bytes that a process has had."""
    with open(f"/proc/{pid}/status") as lines:
        line = next(line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_few_bytes_that_stand_for_many_are_not_laid_out(embedded, stub, still_right):
    """A repeated string was once counted as the 8 bytes of a pointer."""
    still_right()
    before = memory_of(embedded.process.pid)
    for text, number in ((b"a" * 500_000, 60), (b"", 10**7), (b"a" * 2000, 60_000)):
        proto = tf.make_tensor_proto([text])
        proto.tensor_shape.dim[0].size = number
        found = refusal(stub.Predict, requested(artist_id=proto))
        assert found.code() == Code.INVALID_ARGUMENT
        assert "more than 1048576 bytes" in found.details()
    few = tf.make_tensor_proto([b"a" * 1000])
    few.tensor_shape.dim[0].size = 60
    answer = stub.Predict(requested(artist_id=few), timeout=60)
    assert tf.make_ndarray(answer.outputs["known"]).tolist() == [False] * 60
    assert memory_of(embedded.process.pid) - before < 200 * 2**20


def test_long_names_come_back_cut(stub, ids):
    """Longer than gRPC's limit on what comes with a status, they were lost with the status."""
    long = "é" * 100_000
    request = requested(artist_id=ids)
    request.output_filter.append(long)
    for wrong in (request, requested(long, artist_id=ids), requested(**{long: ids})):
        found = refusal(stub.Predict, wrong)
        assert found.code() in MISTAKES
        assert 0 < len(found.details()) <= 500


def test_no_request_at_all(asked):
    assert asked(predict_pb2.PredictRequest().SerializeToString()) == Code.INVALID_ARGUMENT


def test_bytes_that_a_message_of_tensorflow_quotes(asked):
    """They were the server's fault once: INTERNAL, with Python's own error as the sentence."""
    request = requested("examples", examples=np.array([b"\x80"], object))
    assert asked(request.SerializeToString()) == Code.INVALID_ARGUMENT
