"""What a server says of its model: status of the versions, and signatures."""

from __future__ import annotations

from typing import Final

from tensorflow.core.protobuf import error_codes_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2

from serving.embedded.predictor import Predictor
from serving.embedded.status import INVALID_ARGUMENT, NOT_FOUND, Refused

_SIGNATURES: Final = "signature_def"


def asked_version(spec: model_pb2.ModelSpec) -> int | None:
    """The version that a request names, None for none.

    Raises:
      Refused: it names a label; there are none.
    """
    if spec.WhichOneof("version_choice") == "version_label":
        raise Refused(
            INVALID_ARGUMENT, f"Unrecognized servable version label: {spec.version_label}"
        )
    return spec.version.value if spec.HasField("version") else None


def model_status(
    predictor: Predictor, request: get_model_status_pb2.GetModelStatusRequest
) -> get_model_status_pb2.GetModelStatusResponse:
    """The states of the versions, as ModelService.GetModelStatus gives them.

    Raises:
      Refused: another model, or a version that was never seen.
    """
    if not request.HasField("model_spec"):
        raise Refused(INVALID_ARGUMENT, "Missing ModelSpec")
    name, version = request.model_spec.name, asked_version(request.model_spec)
    known = predictor.versions.statuses() if name == predictor.name else []
    found = [one for one in known if version is None or one.version == version]
    if not found:
        what = "any versions" if version is None else f"version {version}"
        raise Refused(NOT_FOUND, f"Could not find {what} of model {name}")
    answer = get_model_status_pb2.GetModelStatusResponse()
    for one in found:
        entry = answer.model_version_status.add(version=one.version, state=int(one.state))
        entry.status.error_code = error_codes_pb2.UNKNOWN if one.error else error_codes_pb2.OK
        entry.status.error_message = one.error
    return answer


def model_metadata(
    predictor: Predictor, request: get_model_metadata_pb2.GetModelMetadataRequest
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The signatures, as PredictionService.GetModelMetadata gives them.

    Raises:
      Refused: another model or version, or other fields than `signature_def`.
    """
    if not request.HasField("model_spec"):
        raise Refused(INVALID_ARGUMENT, "Missing ModelSpec")
    if not request.metadata_field:
        raise Refused(
            INVALID_ARGUMENT, "GetModelMetadataRequest must specify at least one metadata_field"
        )
    for field in request.metadata_field:
        if field != _SIGNATURES:
            raise Refused(INVALID_ARGUMENT, f"Metadata field {field} is not supported")
    version = asked_version(request.model_spec)
    with predictor.servable(request.model_spec.name, version) as servable:
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in servable.signature_defs.items():
            signatures.signature_def[name].CopyFrom(definition)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.name = predictor.name
        answer.model_spec.version.value = servable.version
        answer.metadata[_SIGNATURES].Pack(signatures)
    return answer
