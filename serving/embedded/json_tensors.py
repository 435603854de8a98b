"""Tensors as JSON, in the row and column formats of TF Serving's REST API."""

from __future__ import annotations

import base64
import binascii
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson
import tensorflow as tf

from serving.embedded.servable import Input, Signature
from serving.embedded.status import FAILED_PRECONDITION, INVALID_ARGUMENT, Refused

# Dimensions that an array of NumPy can have.
_DEEPEST: Final = 32
_INTEGERS: Final = {int}
_NUMBERS: Final = {int, float}
_WHAT: Final = {bool: "true or false", int: "integers", float: "numbers", str: "strings"}


def parse_request(body: bytes) -> dict[str, Any]:
    """The JSON object of a request's body.

    Raises:
      Refused: it is not JSON, or no object.
    """
    try:
        # Takes NaN and Infinity, as TF Serving does.
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Refused(INVALID_ARGUMENT, f"JSON Parse error: the body is not JSON{where}.") from None
    if not isinstance(found, dict):
        raise Refused(INVALID_ARGUMENT, "The body must be a JSON object, {…}.")
    return found


def read_inputs(request: Mapping[str, Any], signature: Signature) -> dict[str, np.ndarray]:
    """The tensors of a predict request.

    Args:
      request: with `instances` (a list of rows) or `inputs` (a tensor for each name).
      signature: that is asked.

    Returns:
      Inputs by alias.

    Raises:
      Refused: neither or both are there, or do not fit the signature.
    """
    by_row = "instances" in request
    if by_row == ("inputs" in request):
        raise Refused(
            INVALID_ARGUMENT,
            "Give either 'instances' (row format) or 'inputs' (column format), and not both.",
        )
    if by_row:
        columns = _columns(request["instances"], signature)
    else:
        columns = request["inputs"]
        # One input may come without its name; {"b64": …} is a value, and no names.
        named = isinstance(columns, dict) and not _is_bytes(columns)
        if not named and len(signature.inputs) == 1:
            columns = {next(iter(signature.inputs)): columns}
        elif not named:
            raise Refused(
                INVALID_ARGUMENT,
                "'inputs' must be an object with the inputs "
                f"{_listed(signature.inputs)} of signature '{signature.name}'.",
            )
    check_names(columns, signature)
    return {
        name: to_tensor(columns[name], wanted, name) for name, wanted in signature.inputs.items()
    }


def check_names(given: Mapping[str, Any], signature: Signature) -> None:
    """Raises Refused unless just the inputs of the signature are given."""
    extra = sorted(set(given) - set(signature.inputs))
    missing = sorted(set(signature.inputs) - set(given))
    if extra or missing:
        raise Refused(
            INVALID_ARGUMENT,
            # TF Serving names all that there is in between, which may be cut off after it.
            f"input size does not match signature: {len(given)}!={len(signature.inputs)}. Sent "
            f"extra: {{{','.join(extra)}}}. Missing but required: {{{','.join(missing)}}}.",
        )


def to_tensor(value: Any, wanted: Input, name: str) -> np.ndarray:
    """Nested lists as an array of the wanted dtype.

    Raises:
      Refused: the lists are ragged, or hold something that is not of the dtype or out of its range.
    """
    shape: list[int] = []
    level: list[Any] = [value]
    while level and all(type(item) is list for item in level):
        if len(shape) == _DEEPEST:
            raise Refused(
                INVALID_ARGUMENT, f"Input '{name}' has lists in more than {_DEEPEST} levels."
            )
        sizes = {len(item) for item in level}
        if len(sizes) > 1:
            raise _ragged(name, sizes, wanted, len(shape))
        shape.append(sizes.pop())
        level = list(itertools.chain.from_iterable(level))
    if not level:
        # No list says how wide the rows are that are not there.
        known = wanted.shape or ()
        shape += [size or 0 for size in known[len(shape) :]]
    found = _array(level, wanted.dtype, name).reshape(shape)
    check_shape(found, wanted, name)
    return found


def check_shape(value: np.ndarray, wanted: Input, name: str) -> None:
    """Raises Refused unless the array's shape is one that the signature takes."""
    if wanted.shape is None:
        return
    fits = value.ndim == len(wanted.shape) and all(
        size is None or size == given for size, given in zip(wanted.shape, value.shape, strict=True)
    )
    if not fits:
        raise Refused(
            INVALID_ARGUMENT,
            f"Input '{name}' must have shape {_shape(wanted.shape)}, not {list(value.shape)}.",
        )


def write_outputs(outputs: Mapping[str, np.ndarray], by_row: bool) -> bytes:
    """The body of the answer, `predictions` by rows or `outputs`; one output goes without a name.

    float32 is written with as many digits as tell it from its neighbours.

    Raises:
      Refused: by rows, and the outputs are not as many.
    """
    if by_row:
        sizes = {value.shape[0] if value.ndim else -1 for value in outputs.values()}
        if len(sizes) != 1 or -1 in sizes:
            raise Refused(
                FAILED_PRECONDITION,
                "The outputs have no rows in common; ask in column format, with 'inputs'.",
            )
    columns = {name: _plain(value, name) for name, value in outputs.items()}
    single = next(iter(columns.values())) if len(columns) == 1 else None
    if by_row:
        if single is not None:
            predictions: Any = list(single)
        else:
            rows = zip(*columns.values(), strict=True)
            predictions = [dict(zip(columns, row, strict=True)) for row in rows]
        answer = {"predictions": predictions}
    else:
        answer = {"outputs": columns if single is None else single}
    finite = all(value.dtype.kind != "f" or np.isfinite(value).all() for value in outputs.values())
    if finite:
        return orjson.dumps(answer, default=_listed_array, option=orjson.OPT_SERIALIZE_NUMPY)
    # orjson has no NaN; TF Serving writes it, though JSON does not know it.
    return json.dumps(answer, default=_listed_array).encode()


def _columns(instances: Any, signature: Signature) -> dict[str, list]:
    if not isinstance(instances, list) or not instances:
        raise Refused(INVALID_ARGUMENT, "'instances' must be a list with at least one row.")
    named = isinstance(instances[0], dict) and not _is_bytes(instances[0])
    if not named:
        if len(signature.inputs) != 1:
            raise Refused(
                INVALID_ARGUMENT,
                "Each of 'instances' must be an object with the inputs "
                f"{_listed(signature.inputs)} of signature '{signature.name}'.",
            )
        return {next(iter(signature.inputs)): instances}
    names = list(instances[0])
    for place, row in enumerate(instances):
        if not isinstance(row, dict) or set(row) != set(names):
            raise Refused(
                INVALID_ARGUMENT,
                f"Row {place} of 'instances' has other names than row 0; all must have the same.",
            )
    return {name: [row[name] for row in instances] for name in names}


def _is_bytes(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"b64"}


def _array(values: Sequence[Any], dtype: tf.DType, name: str) -> np.ndarray:
    kinds = set(map(type, values))
    numpy_dtype = dtype.as_numpy_dtype
    if dtype == tf.string:
        if kinds <= {str, dict}:
            return np.array([_bytes(value, name) for value in values], object)
        raise _wrong(name, str)
    if dtype == tf.bool:
        if kinds <= {bool}:
            return np.array(values, bool)
        raise _wrong(name, bool)
    if dtype.is_integer:
        if not kinds <= _INTEGERS:
            raise _wrong(name, int)
        bounds = np.iinfo(numpy_dtype)
        if values and not bounds.min <= min(values) <= max(values) <= bounds.max:
            raise Refused(
                INVALID_ARGUMENT,
                f"Input '{name}' must lie between {bounds.min} and {bounds.max}.",
            )
        return np.array(values, numpy_dtype)
    if not kinds <= _NUMBERS:
        raise _wrong(name, float)
    if int in kinds:
        _check_exact(values, dtype, name)
    given = np.array(values, np.float64)
    with np.errstate(over="ignore"):
        found: np.ndarray = given.astype(numpy_dtype)
    if (np.isinf(found) & np.isfinite(given)).any():
        raise Refused(INVALID_ARGUMENT, f"Input '{name}' has a number that is too large.")
    return found


def _check_exact(values: Sequence[int | float], dtype: tf.DType, name: str) -> None:
    """Refuses integers that not every float of the dtype can hold, as TF Serving does."""
    most = 2 ** (np.finfo(dtype.as_numpy_dtype).nmant + 1) - 1
    wide = next((one for one in values if type(one) is int and abs(one) > most), None)
    if wide is not None:
        raise Refused(
            INVALID_ARGUMENT,
            f"Input '{name}' has an integer beyond {most}, which {dtype.name} may not hold "
            "exactly; write it with a decimal point.",
        )


def _bytes(value: Any, name: str) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise Refused(
                INVALID_ARGUMENT, f"Input '{name}' has a string that is no valid Unicode."
            ) from None
    if _is_bytes(value) and isinstance(value["b64"], str):
        try:
            # As TF Serving reads it: with its padding or without.
            coded = value["b64"]
            padding = "" if "=" in coded else "=" * (-len(coded) % 4)
            return base64.b64decode(coded + padding, validate=True)
        except (binascii.Error, ValueError):
            raise Refused(INVALID_ARGUMENT, f"Input '{name}' has a bad base64 string.") from None
    raise _wrong(name, str)


def _shape(shape: Sequence[int | None]) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _ragged(name: str, sizes: set[int], wanted: Input, level: int) -> Refused:
    """Lists of several sizes side by side: to be padded, unless the signature says the size."""
    fixed = wanted.shape is not None and level < len(wanted.shape) and wanted.shape[level]
    mend = f"the shape must be {_shape(wanted.shape or ())}" if fixed else "pad them to one size"
    return Refused(
        INVALID_ARGUMENT,
        f"Input '{name}': lists of {min(sizes)} and of {max(sizes)} values stand side by side; "
        f"{mend}.",
    )


def _wrong(name: str, kind: type) -> Refused:
    also = ' or {"b64": "…"}' if kind is str else ""
    return Refused(
        INVALID_ARGUMENT, f"Input '{name}' must be of {_WHAT[kind]}{also}, in lists of equal size."
    )


def _plain(value: np.ndarray, name: str) -> Any:
    if value.dtype != object:
        return np.ascontiguousarray(value)

    def text(item: bytes) -> Any:
        if not name.endswith("_bytes"):
            try:
                return item.decode()
            except UnicodeDecodeError:
                pass  # What is no text cannot be a JSON string.
        return {"b64": base64.b64encode(item).decode()}

    flat = np.empty(value.size, object)
    flat[:] = [text(item) for item in value.ravel()]
    return flat.reshape(value.shape).tolist()


def _listed_array(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(type(value).__name__)


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))
