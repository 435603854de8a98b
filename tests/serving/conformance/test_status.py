"""A server's account of its versions and signatures."""

from __future__ import annotations

from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from tests.serving.conformance.protocol_requests import INVALID, refusal


def test_status_and_metadata_by_rest(server, pushed, model):
    status = server.get("/v1/models/artist_sim").json()["model_version_status"]
    mine = [one for one in status if one["version"] == pushed.name]
    assert mine == [
        {
            "version": pushed.name,
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]
    found = server.get("/v1/models/artist_sim/metadata").json()
    assert found["model_spec"]["version"] == pushed.name
    assert set(found["metadata"]["signature_def"]) == {"signature_def"}
    signatures = found["metadata"]["signature_def"]["signature_def"]
    assert set(model.signatures) <= set(signatures)
    assert signatures["similar"]["inputs"]["k"]["dtype"] == "DT_INT32"
    assert signatures["similar"]["method_name"] == "tensorflow/serving/predict"


def test_status_and_metadata_by_grpc(service, prediction, pushed, model):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "artist_sim"
    found = service.GetModelStatus(request, timeout=60).model_version_status
    assert [(one.version, one.state) for one in found if one.version == int(pushed.name)] == [
        (int(pushed.name), get_model_status_pb2.ModelVersionStatus.AVAILABLE)
    ]
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    asked.model_spec.name = "artist_sim"
    signatures = get_model_metadata_pb2.SignatureDefMap()
    prediction.GetModelMetadata(asked, timeout=60).metadata["signature_def"].Unpack(signatures)
    assert set(model.signatures) <= set(signatures.signature_def)


def test_metadata_requests_that_are_wrong(prediction):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "artist_sim"
    assert refusal(prediction.GetModelMetadata, request).code() == INVALID
    request.metadata_field.append("everything")
    assert refusal(prediction.GetModelMetadata, request).code() == INVALID
