"""Every usual kind, spelled as people spell it: applied once, and in order ever after."""

from __future__ import annotations

import subprocess

import pytest
import yaml
from tests.e2e.wire import Wire

KINDS = {
    "quantities": """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  restartPolicy: Always
  terminationGracePeriodSeconds: 5
  containers:
    - name: c
      image: registry.example/x
      resources:
        requests: {cpu: "0.5", memory: 1024Mi, ephemeral-storage: "1e9"}
        limits: {cpu: 1000m, memory: 2Gi}
      env: [{name: A, value: ""}, {name: B}]
      ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}]
""",
    "deployment": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, labels: {}, annotations: {}}
spec:
  replicas: 2
  revisionHistoryLimit: 3
  selector: {matchLabels: {app: d}}
  strategy: {rollingUpdate: {maxSurge: 50%, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: d}, creationTimestamp: null}
    spec:
      nodeSelector: {}
      tolerations: []
      securityContext: {}
      containers:
        - name: c
          image: registry.example/x
          livenessProbe: {httpGet: {path: /, port: http}}
          ports: [{name: http, containerPort: 8080}]
          volumeMounts: [{name: v, mountPath: /v}]
      volumes:
        - name: v
          configMap: {name: some, defaultMode: 0644, optional: true}
status: {}
""",
    "statefulset": """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: s}
spec:
  serviceName: s
  replicas: 1
  selector: {matchLabels: {app: s}}
  template:
    metadata: {labels: {app: s}}
    spec: {containers: [{name: c, image: registry.example/x}]}
""",
    "statefulset-volumes": """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: sv}
spec:
  serviceName: sv
  replicas: 0
  selector: {matchLabels: {app: sv}}
  template:
    metadata: {labels: {app: sv}}
    spec: {containers: [{name: c, image: registry.example/x}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
""",
    "daemonset": """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds}
spec:
  selector: {matchLabels: {app: ds}}
  template:
    metadata: {labels: {app: ds}}
    spec: {containers: [{name: c, image: registry.example/x, args: [1s, "true"]}]}
""",
    "job": """
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: registry.example/x}]}}}
""",
    "cronjob": """
apiVersion: batch/v1
kind: CronJob
metadata: {name: cj}
spec:
  schedule: "0 0 * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: OnFailure, containers: [{name: c, image: registry.example/x}]}}}}
""",
    "service": """
apiVersion: v1
kind: Service
metadata: {name: svc}
spec:
  selector: {app: d}
  ports: [{port: 80, targetPort: http, name: http}, {port: 443, name: https}]
""",
    "service-nodeport": """
apiVersion: v1
kind: Service
metadata: {name: np}
spec: {type: NodePort, selector: {app: d}, ports: [{port: 80}]}
""",
    "service-headless": """
apiVersion: v1
kind: Service
metadata: {name: hl}
spec: {clusterIP: None, selector: {app: d}, ports: [{port: 80}], publishNotReadyAddresses: true}
""",
    "secret": """
apiVersion: v1
kind: Secret
metadata: {name: sec}
type: Opaque
stringData: {password: hunter2}
data: {token: YWJj}
""",
    "secret-empty": """
apiVersion: v1
kind: Secret
metadata: {name: sece}
data: {none: }
""",
    "configmap": """
apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data: {text: "a\\nb\\n", empty: ""}
binaryData: {b: AAE=}
""",
    "configmap-empty": """
apiVersion: v1
kind: ConfigMap
metadata: {name: cme}
data: {}
""",
    "serviceaccount": """
apiVersion: v1
kind: ServiceAccount
metadata: {name: sa}
automountServiceAccountToken: false
imagePullSecrets: [{name: x}]
""",
    "role": """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
""",
    "role-empty": """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: re}
rules: []
""",
    "rolebinding": """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects: [{kind: ServiceAccount, name: sa}]
""",
    "ingress": """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i, annotations: {argocd.argoproj.io/ignore-healthcheck: "true"}}
spec:
  rules:
    - host: a.example
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: svc, port: {number: 80}}}}]}
""",
    "networkpolicy": """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: net}
spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}], policyTypes: [Ingress]}
""",
    "pdb": """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: pdb}
spec: {minAvailable: 50%, selector: {matchLabels: {app: d}}}
""",
    "hpa": """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h, annotations: {argocd.argoproj.io/ignore-healthcheck: "true"}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
""",
    "quota": """
apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec: {hard: {pods: "100", requests.cpu: "100", limits.memory: 1000Gi}}
""",
    "limitrange": """
apiVersion: v1
kind: LimitRange
metadata: {name: l}
spec: {limits: [{type: Container, default: {cpu: 100m, memory: 128Mi}, defaultRequest: {cpu: "0.1", memory: 64Mi}}]}
""",
    "pvc": """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: pvc, annotations: {argocd.argoproj.io/ignore-healthcheck: "true"}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: "1073741824"}}}
""",
    "list": """
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: l1}, data: {a: "1"}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: l2}, data: {a: "1"}}
""",
}


@pytest.fixture
def wire(world, control_plane):
    made = Wire(control_plane)
    world.clusters["one"]["kubeconfig"] = str(made.kubeconfig(world.folder.parent / f"{world.name}.json"))
    yield made
    made.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", ["ServerSideApply=true", "ServerSideApply=false", "Replace=true"])
def test_a_second_run_finds_it_in_order(world, wire, kind, option):
    app = world.application(options=[option], automated={"prune": True, "selfHeal": True})
    world.begin({"app/x.yaml": KINDS[kind]}, app)
    ran = world.up()
    wire.take()
    again = world.up()
    assert "nothing to do" in again.out, f"{ran}\n{again}"
    assert [each for each in wire.take() if each.writes] == []
    assert "1 of 1 applications are in sync" in world.plat("preview").out


def test_all_of_them_adopted_from_kubectl_by_client_side_apply(world, control_plane, wire):
    """What `kubectl apply` put there, with its annotation, is taken over without being changed."""
    picked = {
        name: text for name, text in KINDS.items() if name not in ("quota", "limitrange", "quantities", "secret-empty")
    }
    files = {f"app/{name}.yaml": text for name, text in picked.items()}
    world.begin(files)
    rendered = world.plat("render", world.name)
    assert rendered.code == 0, rendered
    done = subprocess.run(
        [control_plane.kubectl, "--kubeconfig", control_plane.kubeconfig_path, "apply", "-n", world.name, "-f", "-"],
        input=rendered.out, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    specs = {name: _spec(world, name) for name in ("Deployment", "Service", "ConfigMap", "Secret")}
    ran = world.up()
    assert {name: _spec(world, name) for name in specs} == specs, ran
    wire.take()
    assert "nothing to do" in world.up().out
    assert list(yaml.safe_load_all(rendered.out))


def _spec(world, kind):
    found = {item["metadata"]["name"]: item for item in world.kube.list(kind)}
    return {
        name: {key: item.get(key) for key in ("spec", "data", "stringData", "rules")} for name, item in found.items()
    }
