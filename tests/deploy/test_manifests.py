"""The manifests: each is what Kubernetes takes, and says what the pipeline and the server need.

Kustomize is not part of the environment: single files are always checked; what overlays make of
them, where `kubectl` is installed, and a skipped test says so.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from pipeline.home import PIPELINE_NAME
from serving.embedded.metrics import Metrics
from tests.conftest import REPOSITORY
from tests.deploy import image
from tests.pipeline.test_kubeflow_config import SECTION

DEPLOY = REPOSITORY / "deploy"
OVERLAYS = ("bucket", "embedded", "monitored", "volume")
VERSIONS = ("1.27", "1.32", "1.37")
OF_THE_OPERATOR = ("PodMonitor", "PrometheusRule")
OF_KUSTOMIZE = ("Kustomization", "Component")


def documents(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text()) if isinstance(one, dict)]


def resources() -> list[tuple[str, dict[str, Any]]]:
    """Whole resources of single files; patches are parts, which overlays complete."""
    found = []
    for path in sorted(DEPLOY.rglob("*.yaml")):
        patches = {"mount.yaml", "server.yaml", "account.yaml"}
        if path.name in patches:
            continue
        found += [(str(path.relative_to(DEPLOY)), one) for one in documents(path)]
    return [(name, one) for name, one in found if one["kind"] not in OF_KUSTOMIZE]


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[dict[str, Any]]]:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed: what the overlays make of the manifests is UNTESTED")
    found = {}
    for overlay in OVERLAYS:
        made = subprocess.run(
            ["kubectl", "kustomize", str(DEPLOY / "overlays" / overlay)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert not made.returncode, made.stderr
        found[overlay] = list(yaml.safe_load_all(made.stdout))
    return found


def one(listed: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [resource for resource in listed if resource["kind"] == kind]
    return found


def container(listed: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = one(listed, "Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def test_there_is_a_test_for_every_overlay():
    assert sorted(path.name for path in (DEPLOY / "overlays").iterdir()) == list(OVERLAYS)


def test_every_file_that_a_kustomization_names_is_there_and_every_file_is_named():
    named = set()
    places = [*DEPLOY.rglob("kustomization.yaml"), REPOSITORY / "serving/tf_serving"]
    for place in places:
        folder = place if place.is_dir() else place.parent
        (given,) = documents(folder / "kustomization.yaml")
        listed = [*given.get("resources", []), *given.get("components", [])]
        listed += [file for made in given.get("configMapGenerator", []) for file in made["files"]]
        listed += [patch["path"] for patch in given.get("patches", []) if "path" in patch]
        for name in listed:
            path = (folder / name).resolve()
            assert path.exists(), f"{folder.name}: {name}"
            named.add(path)
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.name != "kustomization.yaml" and "image" not in path.parts:
            assert path.resolve() in named, path


@pytest.mark.parametrize("version", VERSIONS)
def test_single_resources_are_valid(version):
    kinds = set()
    for name, resource in resources():
        kinds.add(resource["kind"])
        if resource["kind"] in OF_THE_OPERATOR:
            continue
        if resource["kind"] == "Deployment":
            # Kustomize puts the labels in.
            labels = {"app": "x"}
            resource["spec"]["selector"] = {"matchLabels": labels}
            resource["spec"]["template"]["metadata"]["labels"] = labels
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            pytest.fail(f"{name}: {list(error.path)}: {error.message}")
    assert kinds == {
        "Deployment",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "Service",
        "ServiceAccount",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_overlays_are_valid(rendered, version):
    for overlay, listed in rendered.items():
        for resource in listed:
            if resource["kind"] not in OF_THE_OPERATOR:
                try:
                    kubernetes_validate.validate(resource, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    pytest.fail(f"{overlay}: {resource['kind']}: {list(error.path)}: {error}")


def test_the_namespace_is_the_person_s_and_secrets_are_not_here(rendered):
    for listed in rendered.values():
        for resource in listed:
            assert "namespace" not in resource["metadata"]
            assert resource["kind"] != "Secret"


def test_selectors_find_the_pods(rendered):
    for listed in rendered.values():
        spec = one(listed, "Deployment")["spec"]
        labels = spec["template"]["metadata"]["labels"]
        assert one(listed, "Service")["spec"]["selector"].items() <= labels.items()
        for kind in ("NetworkPolicy", "PodDisruptionBudget"):
            named = one(listed, kind)["spec"]
            selector = named.get("podSelector") or named["selector"]
            assert selector["matchLabels"] and selector["matchLabels"].items() <= labels.items()
        for monitor in (resource for resource in listed if resource["kind"] == "PodMonitor"):
            selector = monitor["spec"]["selector"]["matchLabels"]
            assert selector.items() <= labels.items()
            (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
            annotations = spec["template"]["metadata"]["annotations"]
            assert endpoint["path"] == annotations["prometheus.io/path"]


def test_containers_are_locked_in(rendered):
    for listed in rendered.values():
        pod = one(listed, "Deployment")["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["serviceAccountName"] == one(listed, "ServiceAccount")["metadata"]["name"]
        assert pod["securityContext"]["runAsNonRoot"]
        # As the image's own user, so that steps and server may read the same volume.
        (user,) = [one.arguments[0] for one in image.instructions() if one.word == "USER"]
        context = pod["securityContext"]
        assert f"{context['runAsUser']}:{context['runAsGroup']}" == user
        assert context["fsGroup"] == context["runAsGroup"]
        server = container(listed)
        assert server["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        asked = server["resources"]
        assert asked["limits"]["memory"] == asked["requests"]["memory"]
        assert re.fullmatch(r".+:\d+\.\d+\.\d+", server["image"])
        for mount in server["volumeMounts"]:
            assert mount.get("readOnly") or mount["mountPath"] == "/tmp"


def models_config(listed: list[dict[str, Any]]) -> Any:
    text = one(listed, "ConfigMap")["data"]["models.config"]
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    return model


def test_tf_serving_reads_where_the_pipeline_pushes(rendered):
    model = models_config(rendered["volume"])
    assert model.base_path == SECTION["serving_root"]
    server = container(rendered["volume"])
    mounts = {one["name"]: one["mountPath"] for one in server["volumeMounts"]}
    assert mounts["models"] == SECTION["volume"]["path"]
    claim = one(rendered["volume"], "PersistentVolumeClaim")
    assert claim["metadata"]["name"] == SECTION["volume"]["claim"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert f"--root={model.base_path}" in container(rendered["embedded"])["args"]
    bucket = models_config(rendered["bucket"])
    assert bucket.base_path.startswith("gs://")
    assert "models" not in {one["name"] for one in container(rendered["bucket"])["volumeMounts"]}
    # But for the path it is the file that serving/ has.
    text = (REPOSITORY / "serving" / "tf_serving" / "models.config").read_text()
    wanted = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    for found in (model, bucket):
        found.base_path = wanted.model_config_list.config[0].base_path
        assert found == wanted.model_config_list.config[0]


def test_tf_serving_is_watched_and_probed_where_it_answers(rendered):
    server = container(rendered["volume"])
    files = {arg.split("=")[1] for arg in server["args"] if "_file=" in arg}
    (config,) = [one["mountPath"] for one in server["volumeMounts"] if one["name"] == "config"]
    data = one(rendered["volume"], "ConfigMap")["data"]
    assert files == {f"{config}/models.config", f"{config}/monitoring.config"}
    # TF Serving publishes no protocol buffer of it.
    (path,) = re.findall(r'^  path: "(.+)"$', data["monitoring.config"], re.MULTILINE)
    template = one(rendered["volume"], "Deployment")["spec"]["template"]
    annotations = template["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == path
    ports = {one["name"]: one["containerPort"] for one in server["ports"]}
    assert f"--rest_api_port={ports['http']}" in server["args"]
    assert f"--port={ports['grpc']}" in server["args"]
    assert annotations["prometheus.io/port"] == str(ports["http"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        get = server[probe]["httpGet"]
        assert get["port"] == "http"
        assert get["path"].startswith(f"/v1/models/{PIPELINE_NAME}")


def expressions() -> dict[str, str]:
    """The alerts' names and what they ask of Prometheus."""
    (rule,) = documents(DEPLOY / "components" / "alerts" / "prometheus_rule.yaml")
    return {
        alert["alert"]: alert["expr"]
        for group in rule["spec"]["groups"]
        for alert in group["rules"]
    }


def test_alerts_ask_for_metrics_that_there_are():
    """Of the embedded server those that it gives; the others' are theirs (docs/operations.md)."""
    told = Metrics()
    told.count_artists(1, 1)
    told.requests.labels("rest", "similar", "200").inc()
    told.latency.labels("rest", "similar").observe(0.1)
    ours = set(re.findall(r"^(artist_sim_\w+)", told.page().decode(), re.MULTILINE))
    asked = set(re.findall(r"\bartist_sim_\w+", " ".join(expressions().values())))
    assert asked and asked <= ours
    others = set(re.findall(r":tensorflow[:\w]+|resource_manager_\w+", str(expressions())))
    assert others == {
        ":tensorflow:cc:saved_model:load_attempt_count",
        ":tensorflow:serving:request_count",
        ":tensorflow:serving:request_latency_bucket",
        "resource_manager_workflow_runs_failed",
    }


def test_every_alert_is_explained():
    text = (REPOSITORY / "docs" / "operations.md").read_text()
    for name in expressions():
        assert f"`{name}`" in text, name
    assert set(re.findall(r"`(ArtistSim\w+)`", text)) == set(expressions())


def test_alerts_fire_when_they_should(tmp_path):
    """By Prometheus' own test of rules, on series worked out by hand in alerts.test.yaml."""
    if not shutil.which("promtool"):
        pytest.skip("promtool (Prometheus) is not installed: the alerts' expressions are UNTESTED")
    (rule,) = documents(DEPLOY / "components" / "alerts" / "prometheus_rule.yaml")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule["spec"], width=1000))
    shutil.copy(Path(__file__).with_name("alerts.test.yaml"), tmp_path)
    ran = subprocess.run(
        ["promtool", "test", "rules", "alerts.test.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ran.returncode, ran.stdout + ran.stderr
