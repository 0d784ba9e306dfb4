from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plat_local._components import (
    API,
    CONTROLLERS,
    ETCD,
    KWOK,
    PROGRAMS,
    SCHEDULER,
    commands,
    kubeconfig,
    node,
    scheduler_configuration,
)
from plat_local._home import Home, Ports
from plat_local._pki import make_keys
from plat_local._stages import FAIL, stages
from plat_local._tools import TOOLS

HOME = Home(Path("/work/demo"))
PORTS = Ports(etcd=20_001, peer=20_002, api=20_003)
COMMANDS = commands(HOME, PORTS, {name: Path("/bin") / name for name in PROGRAMS})


def test_every_program_is_started_by_its_path() -> None:
    assert {name: argv[0] for name, argv in COMMANDS.items()} == {name: f"/bin/{name}" for name in PROGRAMS}


def test_everything_listens_on_loopback_only() -> None:
    flags = [flag for argv in COMMANDS.values() for flag in argv]
    addresses = re.findall(r"https?://([^:,]+):\d+", " ".join(flags))
    assert set(addresses) == {"127.0.0.1"}
    assert "--bind-address=127.0.0.1" in COMMANDS[API]
    assert not any("http://" in flag for flag in flags)
    for program in (CONTROLLERS, SCHEDULER):
        assert "--secure-port=0" in COMMANDS[program]


@pytest.mark.parametrize(
    ("program", "flag"),
    [
        (ETCD, "--client-cert-auth"),
        (ETCD, "--peer-client-cert-auth"),
        (ETCD, "--unsafe-no-fsync"),
        (API, "--authorization-mode=Node,RBAC"),
        (API, "--secure-port=20003"),
        (API, "--etcd-servers=https://127.0.0.1:20001"),
        (CONTROLLERS, "--use-service-account-credentials=true"),
        (KWOK, "--manage-all-nodes=true"),
    ],
)
def test_a_program_has_a_flag(program: str, flag: str) -> None:
    assert flag in COMMANDS[program]


def test_every_file_lies_in_the_clusters_folder_and_every_key_exists() -> None:
    keys = make_keys(datetime(2026, 1, 1, tzinfo=UTC))
    files = [Path(found) for argv in COMMANDS.values() for found in re.findall(r"=(/\S+)", " ".join(argv[1:]))]
    assert all(file.is_relative_to(HOME.root) for file in files)
    assert {file.name for file in files if file.parent.name == "pki"} <= set(keys)


def test_a_kubeconfig_carries_its_certificates() -> None:
    keys = make_keys(datetime(2026, 1, 1, tzinfo=UTC))
    config = kubeconfig("demo", "https://127.0.0.1:20003", keys, user="admin")
    assert config["current-context"] == "demo"
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:20003"
    user = config["users"][0]["user"]
    assert base64.b64decode(user["client-key-data"]) == keys["admin.key"]
    assert base64.b64decode(user["client-certificate-data"]) == keys["admin.crt"]
    assert base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]) == keys["ca.crt"]


def test_the_scheduler_is_not_slowed_down() -> None:
    client = scheduler_configuration(HOME)["clientConnection"]
    assert client["qps"] >= 1000
    assert Path(client["kubeconfig"]).is_relative_to(HOME.root)


def test_a_node_has_room_for_a_benchmark() -> None:
    allocatable = node("node-1")["status"]["allocatable"]
    assert int(allocatable["pods"]) >= 10_000


def documents() -> list[dict[str, object]]:
    return [json.loads(text) for text in stages().split("\n---\n")]


def selector(name: str) -> list[dict[str, object]]:
    (stage,) = [d for d in documents() if d["metadata"] == {"name": name}]
    return [e["jq"] for e in stage["spec"]["selector"]["matchExpressions"]]  # type: ignore[index]


def test_stages_cover_nodes_and_pods() -> None:
    kinds = [d["spec"]["resourceRef"]["kind"] for d in documents() if d["kind"] == "Stage"]  # type: ignore[index]
    assert sorted(set(kinds)) == ["Node", "Pod"]


@pytest.mark.parametrize("name", ["pod-crash", "pod-fail"])
def test_only_annotated_pods_fail(name: str) -> None:
    assert {"key": f'.metadata.annotations["{FAIL}"]', "operator": "In", "values": ["true"]} in selector(name)


@pytest.mark.parametrize("name", ["pod-ready", "pod-succeed"])
def test_annotated_pods_do_not_get_well(name: str) -> None:
    assert {"key": f'.metadata.annotations["{FAIL}"]', "operator": "NotIn", "values": ["true"]} in selector(name)


@pytest.mark.parametrize("name", ["pod-ready", "pod-crash", "pod-fail", "pod-succeed"])
def test_a_pod_that_is_being_deleted_is_left_alone(name: str) -> None:
    assert {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"} in selector(name)


def test_the_tools_are_the_programs_and_kubectl() -> None:
    assert {tool.program for tool in TOOLS} == {*PROGRAMS, "kubectl"}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.program)
def test_every_tool_can_be_built_from_a_module_that_is_there(tool: type) -> None:
    build = tool().build()
    assert build is not None
    assert (build.module / "go.mod").is_file()
    assert (build.module / "go.sum").is_file()
    assert f'"{build.package}"' in (build.module / "tools.go").read_text()
    assert tool.version in (build.module / "go.mod").read_text()  # type: ignore[attr-defined]
