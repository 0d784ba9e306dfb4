"""The command line of each program, and the files that it reads. Pure: facts about upstream's flags, nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from plat.api import JSON
from plat_local._home import Home, Ports

ETCD: Final = "etcd"
API: Final = "kube-apiserver"
CONTROLLERS: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"
KWOK: Final = "kwok"
FIRST: Final = (ETCD, API)
"""What has to be there before the others do anything useful."""
REST: Final = (CONTROLLERS, SCHEDULER, KWOK)
PROGRAMS: Final = (*FIRST, *REST)

_SERVICES: Final = "10.96.0.0/12"
_PODS: Final = "10.128.0.0/14"
"""Room for 260,000 pods; kwok's own range has room for 254."""
_RATE: Final = 2000
"""Requests a second that a controller may make: upstream's 20 protect big clusters, here they would only be slow."""


def server(ports: Ports) -> str:
    """Return the API server's address."""
    return f"https://127.0.0.1:{ports.api}"


def commands(home: Home, ports: Ports, programs: Mapping[str, Path]) -> Mapping[str, list[str]]:
    """Return every program's argument list."""
    arguments = {
        ETCD: _etcd(home, ports),
        API: _api(home, ports),
        CONTROLLERS: _controllers(home),
        SCHEDULER: [f"--config={home.config(SCHEDULER)}", "--secure-port=0"],
        KWOK: _kwok(home),
    }
    return {name: [str(programs[name]), *flags] for name, flags in arguments.items()}


def _etcd(home: Home, ports: Ports) -> list[str]:
    client, peer = f"https://127.0.0.1:{ports.etcd}", f"https://127.0.0.1:{ports.peer}"
    return [
        "--name=local",
        f"--data-dir={home.data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=local={peer}",
        f"--cert-file={home.key('etcd.crt')}",
        f"--key-file={home.key('etcd.key')}",
        f"--trusted-ca-file={home.key('etcd-ca.crt')}",
        "--client-cert-auth",
        f"--peer-cert-file={home.key('etcd.crt')}",
        f"--peer-key-file={home.key('etcd.key')}",
        f"--peer-trusted-ca-file={home.key('etcd-ca.crt')}",
        "--peer-client-cert-auth",
        # A power cut may cost a local cluster its last writes; waiting for the disk would cost every write.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _api(home: Home, ports: Ports) -> list[str]:
    return [
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.api}",
        "--advertise-address=127.0.0.1",
        # Endpoints may not be loopback addresses, so the `kubernetes` Service has none.
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={home.key('apiserver.crt')}",
        f"--tls-private-key-file={home.key('apiserver.key')}",
        f"--client-ca-file={home.key('ca.crt')}",
        f"--etcd-servers=https://127.0.0.1:{ports.etcd}",
        f"--etcd-cafile={home.key('etcd-ca.crt')}",
        f"--etcd-certfile={home.key('etcd-client.crt')}",
        f"--etcd-keyfile={home.key('etcd-client.key')}",
        "--authorization-mode=Node,RBAC",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={home.key('sa.pub')}",
        f"--service-account-signing-key-file={home.key('sa.key')}",
        f"--service-cluster-ip-range={_SERVICES}",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def _controllers(home: Home) -> list[str]:
    return [
        f"--kubeconfig={home.config(CONTROLLERS)}",
        "--use-service-account-credentials=true",
        f"--root-ca-file={home.key('ca.crt')}",
        f"--service-account-private-key-file={home.key('sa.key')}",
        f"--cluster-signing-cert-file={home.key('ca.crt')}",
        f"--cluster-signing-key-file={home.key('ca.key')}",
        f"--service-cluster-ip-range={_SERVICES}",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
        f"--kube-api-qps={_RATE}",
        f"--kube-api-burst={2 * _RATE}",
        "--concurrent-deployment-syncs=16",
        "--concurrent-replicaset-syncs=16",
        "--concurrent-job-syncs=16",
    ]


def _kwok(home: Home) -> list[str]:
    return [
        f"--kubeconfig={home.config('kwok-kubeconfig')}",
        f"--config={home.config(KWOK)}",
        "--manage-all-nodes=true",
        f"--cidr={_PODS}",
        "--node-lease-duration-seconds=40",
        "--v=WARN",
    ]


def kubeconfig(name: str, address: str, keys: Mapping[str, bytes], *, user: str) -> Mapping[str, JSON]:
    """Return a kubeconfig with one context, certificates inside: it works wherever it is copied. A secret."""
    encoded = {file: base64.b64encode(content).decode() for file, content in keys.items()}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": address, "certificate-authority-data": encoded["ca.crt"]}}],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": encoded[f"{user}.crt"],
                    "client-key-data": encoded[f"{user}.key"],
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def scheduler_configuration(home: Home) -> Mapping[str, JSON]:
    """Return the scheduler's own configuration file."""
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": str(home.config("kube-scheduler-kubeconfig")),
            "qps": _RATE,
            "burst": 2 * _RATE,
        },
        "leaderElection": {"leaderElect": False},
    }


def node(name: str) -> Mapping[str, JSON]:
    """Return one Node with room for everything; kwok makes it ready."""
    room = {"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "10Ti", "pods": "100000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": "plat-local",
            },
        },
        "status": {"capacity": room, "allocatable": room},
    }
