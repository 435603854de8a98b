"""TensorFlow Serving's messages, without TensorFlow.

The package `tensorflow-serving-api` has these messages too, but its modules import all of
TensorFlow for the sake of `TensorProto`: 7 s and 570 MB for a client that multiplies nothing, where
this module takes 0.3 s and 40 MB. So the messages that a client needs are declared here once more,
by their names and field numbers, which is all that goes over the wire. They lie in a pool of their
own, beside which TensorFlow can be imported as well. A test compares every field with
`tensorflow_serving.apis`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2
from numpy.typing import NDArray

from serving.errors import InvalidRequest

# Message -> its fields: (name, number, type). A type is a scalar of protocol buffers, the full
# name of a message, or "map<string, message>"; "[]" makes it repeated. Enums travel as int32.
FIELDS: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    "tensorflow.Dim": (("size", 1, "int64"),),
    "tensorflow.TensorShapeProto": (("dim", 2, "tensorflow.Dim[]"), ("unknown_rank", 3, "bool")),
    "tensorflow.TensorProto": (
        ("dtype", 1, "int32"),
        ("tensor_shape", 2, "tensorflow.TensorShapeProto"),
        ("tensor_content", 4, "bytes"),
        ("float_val", 5, "float[]"),
        ("double_val", 6, "double[]"),
        ("int_val", 7, "int32[]"),
        ("string_val", 8, "bytes[]"),
        ("int64_val", 10, "int64[]"),
        ("bool_val", 11, "bool[]"),
    ),
    "tensorflow.TensorInfo": (
        ("dtype", 2, "int32"),
        ("tensor_shape", 3, "tensorflow.TensorShapeProto"),
    ),
    "tensorflow.SignatureDef": (
        ("inputs", 1, "map<string, tensorflow.TensorInfo>"),
        ("outputs", 2, "map<string, tensorflow.TensorInfo>"),
    ),
    "tensorflow.serving.ModelSpec": (
        ("name", 1, "string"),
        ("version", 2, "google.protobuf.Int64Value"),
        ("signature_name", 3, "string"),
    ),
    "tensorflow.serving.PredictRequest": (
        ("model_spec", 1, "tensorflow.serving.ModelSpec"),
        ("inputs", 2, "map<string, tensorflow.TensorProto>"),
    ),
    "tensorflow.serving.PredictResponse": (
        ("outputs", 1, "map<string, tensorflow.TensorProto>"),
        ("model_spec", 2, "tensorflow.serving.ModelSpec"),
    ),
    "tensorflow.serving.GetModelMetadataRequest": (
        ("model_spec", 1, "tensorflow.serving.ModelSpec"),
        ("metadata_field", 2, "string[]"),
    ),
    "tensorflow.serving.SignatureDefMap": (
        ("signature_def", 1, "map<string, tensorflow.SignatureDef>"),
    ),
    "tensorflow.serving.GetModelMetadataResponse": (
        ("model_spec", 1, "tensorflow.serving.ModelSpec"),
        ("metadata", 2, "map<string, google.protobuf.Any>"),
    ),
    "tensorflow.serving.GetModelStatusRequest": (
        ("model_spec", 1, "tensorflow.serving.ModelSpec"),
    ),
    "tensorflow.serving.StatusProto": (("error_code", 1, "int32"), ("error_message", 2, "string")),
    "tensorflow.serving.ModelVersionStatus": (
        ("version", 1, "int64"),
        ("state", 2, "int32"),
        ("status", 3, "tensorflow.serving.StatusProto"),
    ),
    "tensorflow.serving.GetModelStatusResponse": (
        ("model_version_status", 1, "tensorflow.serving.ModelVersionStatus[]"),
    ),
}

# tensorflow/core/framework/types.proto, as far as signatures of this project go: number -> name,
# NumPy's type on the wire, the field that holds values where `tensor_content` does not.
_DTYPES: Final[dict[int, tuple[str, np.dtype[Any], str]]] = {
    1: ("DT_FLOAT", np.dtype("<f4"), "float_val"),
    2: ("DT_DOUBLE", np.dtype("<f8"), "double_val"),
    3: ("DT_INT32", np.dtype("<i4"), "int_val"),
    7: ("DT_STRING", np.dtype(object), "string_val"),
    9: ("DT_INT64", np.dtype("<i8"), "int64_val"),
    10: ("DT_BOOL", np.dtype("?"), "bool_val"),
}
_NUMBER: Final = {dtype: number for number, (_, dtype, _) in _DTYPES.items()}


def _add_field(
    message: descriptor_pb2.DescriptorProto, package: str, name: str, number: int, kind: str
) -> None:
    field = message.field.add(name=name, number=number)
    single = kind.removesuffix("[]")
    mapped = single.removeprefix("map<string, ").removesuffix(">")
    repeated = single != kind or mapped != single
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if mapped != single:
        # On the wire a map is a repeated message of keys and values.
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add_field(entry, package, "key", 1, "string")
        _add_field(entry, package, "value", 2, mapped)
        single = f"{package}.{message.name}.{entry.name}"
    if "." in single:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{single}"
    else:
        field.type = field.Type.Value(f"TYPE_{single.upper()}")


def _messages() -> dict[str, Any]:
    """Full name -> the message's class."""
    pool = descriptor_pool.DescriptorPool()
    before = []
    for known in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        before.append(known.DESCRIPTOR.name)
    # The messages of a file have one package.
    for package in ("tensorflow", "tensorflow.serving"):
        file = descriptor_pb2.FileDescriptorProto(
            name=f"artist_sim/{package}.proto", package=package, syntax="proto3", dependency=before
        )
        for full_name, fields in FIELDS.items():
            if full_name.rpartition(".")[0] == package:
                message = file.message_type.add(name=full_name.rpartition(".")[2])
                for field in fields:
                    _add_field(message, package, *field)
        pool.AddSerializedFile(file.SerializeToString())
        before.append(file.name)
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName(name)) for name in FIELDS}


_MESSAGES: Final = _messages()
TensorProto: Final = _MESSAGES["tensorflow.TensorProto"]
PredictRequest: Final = _MESSAGES["tensorflow.serving.PredictRequest"]
PredictResponse: Final = _MESSAGES["tensorflow.serving.PredictResponse"]
GetModelMetadataRequest: Final = _MESSAGES["tensorflow.serving.GetModelMetadataRequest"]
GetModelMetadataResponse: Final = _MESSAGES["tensorflow.serving.GetModelMetadataResponse"]
SignatureDefMap: Final = _MESSAGES["tensorflow.serving.SignatureDefMap"]
GetModelStatusRequest: Final = _MESSAGES["tensorflow.serving.GetModelStatusRequest"]
GetModelStatusResponse: Final = _MESSAGES["tensorflow.serving.GetModelStatusResponse"]

AVAILABLE: Final = "AVAILABLE"
_STATES: Final = {10: "START", 20: "LOADING", 30: AVAILABLE, 40: "UNLOADING", 50: "END"}
"""Of ModelVersionStatus.State."""


def texts_of(values: Iterable[str], what: str) -> list[str]:
    """The values, if they are what a tensor of texts can hold.

    Args:
      values: of any kind, as they were given.
      what: they are, for the message.

    Raises:
      InvalidRequest: they are one text where there should be several, something else, or have
        halves of surrogate pairs, for which UTF-8 has no bytes.
    """
    if not isinstance(values, str):
        try:
            texts = list(values)
            "".join(texts).encode()
            return texts
        except (TypeError, UnicodeEncodeError):
            pass
    raise InvalidRequest(f"The {what} have to be a list of Unicode texts.")


def tensor_of(array: NDArray[Any]) -> Any:
    """A `TensorProto` of an array; one of objects holds texts.

    Raises:
      ValueError: no signature of this project takes arrays of that type.
    """
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _NUMBER:
        raise ValueError(f"Tensors of {array.dtype} are not sent.")
    tensor = TensorProto(dtype=_NUMBER[dtype])
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if dtype.kind == "O":
        tensor.string_val.extend(text.encode() for text in array.flat)
    else:
        tensor.tensor_content = array.astype(dtype).tobytes()
    return tensor


def array_of(tensor: Any) -> NDArray[Any]:
    """The array of a `TensorProto`; texts become `str` objects.

    Raises:
      ValueError: the message contradicts itself, or is of a type that no signature of this project
        returns.
    """
    if tensor.dtype not in _DTYPES:
        raise ValueError(f"Tensors of type {tensor.dtype} are not read.")
    _, dtype, field = _DTYPES[tensor.dtype]
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if tensor.tensor_content:
        flat = np.frombuffer(tensor.tensor_content, dtype)
    else:
        values = getattr(tensor, field)
        if dtype.kind == "O":
            values = [text.decode(errors="replace") for text in values]
        flat = np.array(values, dtype)
        # The rest of the values may be left out where they equal the last one.
        missing = int(np.prod(shape)) - len(flat)
        if missing > 0 and len(flat):
            flat = np.concatenate([flat, np.repeat(flat[-1:], missing)])
    return flat.reshape(shape).astype(dtype.newbyteorder("="))


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """Of an input or output.

    Attributes:
      dtype: as DT_FLOAT.
      shape: -1 where any size is taken.
    """

    dtype: str
    shape: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Signature:
    """One of the things that can be asked of a model.

    Attributes:
      inputs: name -> spec.
      outputs: name -> spec.
    """

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """What the server says of a model.

    Attributes:
      version: that is served.
      signatures: name -> signature.
    """

    version: int
    signatures: Mapping[str, Signature]


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """What the server says of a version.

    Attributes:
      version: its number.
      state: START, LOADING, AVAILABLE, UNLOADING or END.
      error: why it is not served, '' if nothing is wrong with it.
    """

    version: int
    state: str
    error: str


def statuses_of(response: Any) -> list[VersionStatus]:
    """Reads a `GetModelStatusResponse`."""
    return [
        VersionStatus(one.version, _STATES.get(one.state, str(one.state)), one.status.error_message)
        for one in response.model_version_status
    ]


def _spec_of(info: Any) -> TensorSpec:
    name = _DTYPES[info.dtype][0] if info.dtype in _DTYPES else f"{info.dtype}"
    return TensorSpec(name, tuple(dim.size for dim in info.tensor_shape.dim))


def metadata_of(response: Any) -> ModelMetadata:
    """Reads a `GetModelMetadataResponse`.

    Raises:
      ValueError: it holds no signatures.
    """
    signatures = SignatureDefMap()
    if not response.metadata["signature_def"].Unpack(signatures):
        raise ValueError("There is no signature_def.")
    return ModelMetadata(
        response.model_spec.version.value,
        {
            name: Signature(
                {key: _spec_of(info) for key, info in signature.inputs.items()},
                {key: _spec_of(info) for key, info in signature.outputs.items()},
            )
            for name, signature in signatures.signature_def.items()
        },
    )
