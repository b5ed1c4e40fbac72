"""The Kubernetes manifests: that they are of known kinds and fields, that they
name each other rightly, and that the configuration in them is no mistake.

There is no cluster here to ask. What is checked is what an API server would
refuse or, worse, accept.
"""

import glob
import json
import os
import re
import subprocess

import pytest
import yaml
from kubernetes import client

from support.certificates import Authority
from support.popinjay import TOP, binary

FOLDER = f"{TOP}/deploy/kubernetes"
VERSIONS = {
    "ConfigMap": "v1", "Secret": "v1", "Service": "v1",
    "Deployment": "apps/v1", "PodDisruptionBudget": "policy/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Kustomization": "kustomize.config.k8s.io/v1beta1",
}
LABELS = {"app.kubernetes.io/name": "popinjay"}


class Answer:
    """What the client takes for an answer of the API server."""

    def __init__(self, one):
        self.data = json.dumps(one)


@pytest.fixture(scope="module")
def manifests():
    """{kind: object}; one of each."""
    found = {}
    for path in glob.glob(f"{FOLDER}/*.yaml"):
        with open(path, encoding="utf-8") as f:
            for one in yaml.safe_load_all(f):
                assert one["kind"] not in found, path
                found[one["kind"]] = one
    return found


@pytest.fixture
def pod(manifests):
    return manifests["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture
def container(pod):
    (one,) = pod["containers"]
    return one


def test_each_is_of_its_kind(manifests):
    assert {kind: one["apiVersion"] for kind, one in manifests.items()} \
        == VERSIONS
    for kind, one in manifests.items():
        if kind != "Kustomization":
            assert one["metadata"]["labels"] == LABELS, kind


def test_all_but_the_example_are_applied(manifests):
    """The secret has no certificate in it, and would replace one that has."""
    names = {os.path.basename(p) for p in glob.glob(f"{FOLDER}/*.yaml")}
    assert set(manifests["Kustomization"]["resources"]) == names - {
        "kustomization.yaml", "secret.example.yaml"}
    assert set(manifests["Secret"]["data"].values()) == {""}


def test_they_mean_the_same_pods(manifests):
    deployment = manifests["Deployment"]["spec"]
    assert deployment["template"]["metadata"]["labels"] == LABELS
    assert deployment["selector"] == {"matchLabels": LABELS}
    assert manifests["PodDisruptionBudget"]["spec"]["selector"] == \
        {"matchLabels": LABELS}
    assert manifests["NetworkPolicy"]["spec"]["podSelector"] == \
        {"matchLabels": LABELS}
    assert manifests["Service"]["spec"]["selector"] == LABELS
    assert manifests["PodDisruptionBudget"]["spec"]["minAvailable"] \
        < deployment["replicas"], "or no node could ever be emptied"


def test_fields_are_known(manifests):
    """The client of the Kubernetes project knows each field and its type, and
    misses none: read into its models, nothing is lost."""
    api = client.ApiClient()
    for kind, one in manifests.items():
        if kind != "Kustomization":
            model = api.deserialize(Answer(one), f"V1{kind}")
            assert api.sanitize_for_serialization(model) == one, kind


def test_it_has_no_rights(pod, container):
    context = pod["securityContext"]
    assert context["runAsNonRoot"] and context["runAsUser"] > 0
    with open(f"{TOP}/deploy/container/Containerfile", encoding="utf-8") as f:
        assert re.search(rf"^USER {context['runAsUser']}:"
                         rf"{context['runAsGroup']}$", f.read(), re.M)
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    own = container["securityContext"]
    assert own["readOnlyRootFilesystem"]
    assert not own["allowPrivilegeEscalation"]
    assert own["capabilities"] == {"drop": ["ALL"]}


def port_of(container, name):
    (number,) = [p["containerPort"] for p in container["ports"]
                 if p["name"] == name]
    return number


def test_ports_are_those_of_the_configuration(manifests, container):
    text = manifests["ConfigMap"]["data"]["proxy.conf"]
    assert f"address = [::]:{port_of(container, 'pop3s')}\n" in text
    assert f"address = [::]:{port_of(container, 'status')}\n" in text
    for probe, path in (("livenessProbe", "/healthz"),
                        ("readinessProbe", "/readyz")):
        asked = container[probe]["httpGet"]
        assert asked["path"] == path
        assert port_of(container, asked["port"])
    for port in manifests["Service"]["spec"]["ports"]:
        assert port_of(container, port["targetPort"])
    for rule in manifests["NetworkPolicy"]["spec"]["ingress"]:
        for port in rule["ports"]:
            assert port_of(container, port["port"])


def test_volumes_are_there(manifests, pod, container):
    volumes = {v["name"]: v for v in pod["volumes"]}
    assert {m["name"] for m in container["volumeMounts"]} == set(volumes)
    assert all(m["readOnly"] for m in container["volumeMounts"])
    assert volumes["config"]["configMap"]["name"] == \
        manifests["ConfigMap"]["metadata"]["name"]
    assert volumes["tls"]["secret"]["secretName"] == \
        manifests["Secret"]["metadata"]["name"]


def test_sessions_may_end(manifests, pod):
    """The kubelet waits longer than the proxy does."""
    text = manifests["ConfigMap"]["data"]["proxy.conf"]
    drain = sum(int(re.search(rf"^{key} = (\d+) s$", text, re.M)[1])
                for key in ("drain_delay", "drain_timeout"))
    assert pod["terminationGracePeriodSeconds"] > drain


def test_the_configuration_is_no_mistake(manifests, tmp_path):
    text = manifests["ConfigMap"]["data"]["proxy.conf"]
    pair = Authority(tmp_path / "authority").pair("proxy")
    for name, path in zip(("tls.crt", "tls.key"), pair):
        assert f"/etc/popinjay/tls/{name}" in text
        assert name in manifests["Secret"]["data"]
        text = text.replace(f"/etc/popinjay/tls/{name}", path)
    (tmp_path / "proxy.conf").write_text(text, "utf-8")
    done = subprocess.run([binary(), "--check", "-c", tmp_path / "proxy.conf"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
