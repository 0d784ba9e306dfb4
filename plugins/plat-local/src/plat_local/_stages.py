"""How nodes and pods behave here: Stage objects for kwok, written by us. Pure.

A pod runs as soon as it is scheduled. One that is meant to end (restartPolicy Never or OnFailure) succeeds. One with
the annotation `plat.dev/fail: "true"` never becomes ready: it crash-loops, or, with restartPolicy Never, fails.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from plat.api import JSON

FAIL: Final = "plat.dev/fail"
"""The annotation on a pod that plays a bad release."""
_RUNS: Final = 500
"""Milliseconds that a pod that is meant to end stays running, so that a watch sees it run."""

_PLACE: Final = """
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ with PodIPsWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "")
   (or .metadata.namespace "") }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
startTime: {{ Now | Quote }}
"""


def _conditions(**statuses: str) -> str:
    lines = "".join(
        f'- {{type: {kind}, status: "{status}", lastTransitionTime: {{{{ Now | Quote }}}}}}\n'
        for kind, status in statuses.items()
    )
    return f"conditions:\n{lines}"


def _containers(field: str, of: str, state: str, *, ready: bool) -> str:
    """Return the statuses of all containers of one list, each in the same state; `state` is YAML on one line."""
    return (
        f"{field}:\n{{{{ range .spec.{of} }}}}\n"
        "- name: {{ .name | Quote }}\n  image: {{ .image | Quote }}\n  imageID: {{ .image | Quote }}\n"
        f"  ready: {json.dumps(ready)}\n  {state}\n{{{{ end }}}}\n"
    )


_ENDED: Final = "terminated: {exitCode: %d, reason: %s, startedAt: {{ Now | Quote }}, finishedAt: {{ Now | Quote }}}"
_RUNNING: Final = "restartCount: 0\n  started: true\n  state: {running: {startedAt: {{ Now | Quote }}}}"
_DONE: Final = "restartCount: 0\n  started: false\n  state: {" + _ENDED % (0, "Completed") + "}"
_FAILED: Final = "restartCount: 0\n  started: false\n  state: {" + _ENDED % (1, "Error") + "}"
_CRASHING: Final = (
    "restartCount: 5\n  started: false\n"
    "  state: {waiting: {reason: CrashLoopBackOff, message: back-off 5m0s restarting failed container}}\n"
    "  lastState: {" + _ENDED % (1, "Error") + "}"
)
_READY_GATES: Final = (
    "{{ range .spec.readinessGates }}\n"
    '- {type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ Now | Quote }}}\n{{ end }}\n'
)
_INIT_DONE: Final = _containers("initContainerStatuses", "initContainers", _DONE, ready=True)

_READY: Final = (
    "phase: Running\n"
    + _conditions(Initialized="True", ContainersReady="True", Ready="True")
    + _READY_GATES
    + _INIT_DONE
    + _containers("containerStatuses", "containers", _RUNNING, ready=True)
    + _PLACE
)
_CRASH: Final = (
    "phase: Running\n"
    + _conditions(Initialized="True", ContainersReady="False", Ready="False")
    + _INIT_DONE
    + _containers("containerStatuses", "containers", _CRASHING, ready=False)
    + _PLACE
)
_FAILURE: Final = (
    "phase: Failed\nreason: Error\n"
    + _conditions(Initialized="True", ContainersReady="False", Ready="False")
    + _INIT_DONE
    + _containers("containerStatuses", "containers", _FAILED, ready=False)
    + _PLACE
)
_SUCCESS: Final = (
    "phase: Succeeded\n"
    + _conditions(ContainersReady="False", Ready="False")
    + _containers("containerStatuses", "containers", _DONE, ready=False)
)
_NODE: Final = """
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ Now | Quote }}
  lastTransitionTime: {{ Now | Quote }}
{{ end }}
addresses:
- {type: InternalIP, address: "10.0.0.1"}
- {type: Hostname, address: {{ .metadata.name | Quote }}}
nodeInfo:
  architecture: amd64
  operatingSystem: linux
  kubeletVersion: {{ printf "kwok-%s" Version | Quote }}
  kubeProxyVersion: ""
  containerRuntimeVersion: ""
  osImage: ""
  kernelVersion: ""
  machineID: ""
  systemUUID: ""
  bootID: ""
"""

_HERE: Final = (".metadata.deletionTimestamp", "DoesNotExist")
_PENDING: Final = (".status.phase", "In", "Pending")
_BAD: Final = (f'.metadata.annotations["{FAIL}"]', "In", "true")
_GOOD: Final = (f'.metadata.annotations["{FAIL}"]', "NotIn", "true")


def stages() -> str:
    """Return kwok's configuration file: JSON documents, which are YAML too."""
    documents = [
        _options(),
        _stage("node-ready", "Node", [('.status.conditions[] | select(.type == "Ready") | .status', "NotIn", "True")],
               _NODE),
        _stage("pod-ready", "Pod", [_HERE, _PENDING, _GOOD], _READY),
        _stage("pod-crash", "Pod", [_HERE, _PENDING, _BAD, (".spec.restartPolicy", "NotIn", "Never")], _CRASH),
        _stage("pod-fail", "Pod", [_HERE, _PENDING, _BAD, (".spec.restartPolicy", "In", "Never")], _FAILURE),
        _stage("pod-succeed", "Pod",
               [_HERE, (".status.phase", "In", "Running"), _GOOD, (".spec.restartPolicy", "In", "Never", "OnFailure")],
               _SUCCESS, delay=_RUNS),
        _stage("pod-gone", "Pod", [(".metadata.deletionTimestamp", "Exists")], ""),
    ]  # fmt: skip
    return "\n---\n".join(json.dumps(document, indent=1) for document in documents) + "\n"


def _options() -> Mapping[str, JSON]:
    """Return kwok's options: enough hands for a thousand pods at once. With a file, it takes no default of its own."""
    return {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "metadata": {"name": "kwok"},
        "options": {
            "podPlayStageParallelism": 16,
            "nodePlayStageParallelism": 4,
            "nodeLeaseParallelism": 4,
            "podsOnNodeSyncParallelism": 4,
        },
    }


def _stage(name: str, kind: str, when: Sequence[tuple[str, ...]], status: str, *, delay: int = 0) -> Mapping[str, JSON]:
    """Return a Stage that patches a status; without one, a Stage that deletes the object for good."""
    step = {"patch": {"subresource": "status", "root": "status", "template": status}} if status else {"delete": True}
    expressions = [
        {"jq": {"key": key, "operator": operator, **({"values": values} if values else {})}}
        for key, operator, *values in when
    ]
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": expressions},
            **({"delay": {"durationMilliseconds": delay}} if delay else {}),
            "steps": [step],
        },
    }
