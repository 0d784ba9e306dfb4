from __future__ import annotations

import pytest

from plat.api import Application, Destination, DestinationRule, Kind, KindRule, Project, Ref, Source
from plat.cluster.projects import (
    Place,
    default_project,
    permits_destination,
    permits_live,
    refusals,
    refuse_kind,
    refuse_object,
    refuse_owner,
    refuse_source,
    warn_source,
)

LOCAL = "https://kubernetes.default.svc"
HUB = "https://github.com/argoproj"


def project(**fields) -> Project:
    return Project(name="team", namespace="argocd", **fields)


def rules(*entries: tuple[str, str, str]) -> tuple[DestinationRule, ...]:
    """Each is (name, server, namespace)."""
    return tuple(DestinationRule(name=name, server=server, namespace=space) for name, server, space in entries)


def app(**fields) -> Application:
    given = {
        "name": "shop",
        "namespace": "argocd",
        "project": "team",
        "sources": (Source(url=f"{HUB}/a"),),
        "destination": Destination(server=LOCAL, namespace="prod"),
    }
    return Application(**{**given, **fields})


@pytest.mark.parametrize(
    ("repos", "url", "permitted"),
    [
        (["*"], f"{HUB}/test.git", True),
        ([f"{HUB}/test.git"], f"{HUB}/test.git", True),
        ([f"{HUB}/test"], f"{HUB}/test.git", True),
        ([f"{HUB}/Test.git"], "https://GITHUB.com/argoproj/test", True),
        (["ssh://git@GITHUB.com:argoproj/test"], "ssh://git@github.com:argoproj/test", True),
        (["git@github.com:argoproj/test.git"], "ssh://git@github.com/argoproj/test", True),
        ([f"{HUB}/*"], f"{HUB}/argoproj.git", True),
        ([f"{HUB}/one", f"{HUB}/two"], f"{HUB}/two", True),
        ([f"{HUB}/test1.git"], f"{HUB}/test2.git", False),
        ([f"{HUB}/*.git"], "https://github.com/argoproj1/test2.git", False),
        ([f"{HUB}/foo"], f"{HUB}/foo1", False),
        (["https://gitlab.com/group/*"], "https://gitlab.com/group/repo/owner", False),
        (["https://gitlab.com/group/*/*"], "https://gitlab.com/group/repo/owner", True),
        (["https://gitlab.com/group/**"], "https://gitlab.com/group/sub/repo/owner", True),
        ([], f"{HUB}/test", False),
        ([f"!{HUB}/test.git"], f"{HUB}/test.git", False),
        (["!ssh://git@GITHUB.com:argoproj/test"], "ssh://git@github.com:argoproj/test", False),
        ([f"!{HUB}/*"], f"{HUB}/argoproj.git", False),
        (
            ["https://github.com/test1/test.git", "!https://github.com/test2/test.git"],
            "https://github.com/test2/test.git",
            False,
        ),
        ([f"!{HUB}/foo*"], f"{HUB}/foo1", False),
        (["!https://gitlab.com/group/**"], "https://gitlab.com/group/sub-group/repo/owner", False),
        ([f"{HUB}/test1.git", "*"], f"{HUB}/test2.git", True),
        ([f"!{HUB}/*.git", "*"], "https://github.com/argoproj1/test2.git", True),
        (["*", f"!{HUB}/secret"], f"{HUB}/secret", False),
        # What is no address is only equal to itself; upstream makes all of them equal.
        (["ssh://git@host:a/one"], "ssh://git@host:a/two", False),
        (["https://[broken"], "https://[broken", False),
    ],
)
def test_sources(repos, url, permitted):
    refused = refuse_source(project(source_repos=tuple(repos)), url)
    assert refused == ("" if permitted else f"application repo {url} is not permitted in project 'team'")


@pytest.mark.parametrize(
    ("repos", "warned"),
    [
        (["*"], False),
        ([f"!{HUB}/secret"], True),
        ([f"!{HUB}/secret", f"{HUB}/a"], False),
        ([], False),
        ([f"!{HUB}/a"], False),
    ],
)
def test_a_source_that_only_a_denial_admits_is_warned_of(repos, warned):
    assert bool(warn_source(project(source_repos=tuple(repos)), f"{HUB}/a")) is warned


DESTINATIONS = [
    # Upstream's cases in short: (entries, place, namespace, permitted)
    (rules(("", LOCAL, "default")), Place("", LOCAL), "default", True),
    (rules(("", LOCAL, "default")), Place("", LOCAL), "kube-system", False),
    (rules(("", "https://my-cluster", "default")), Place("", LOCAL), "default", False),
    (rules(("", LOCAL, "*")), Place("", LOCAL), "kube-system", True),
    (rules(("", "https://*.default.svc", "default")), Place("", LOCAL), "default", True),
    (rules(("", "https://team1-*", "default")), Place("", "https://test2-dev"), "default", False),
    (rules(("", LOCAL, "test-*")), Place("", LOCAL), "test-foo", True),
    (rules(("", LOCAL, "test-*")), Place("", LOCAL), "test", False),
    (rules(("", "*", "*")), Place("", LOCAL), "test", True),
    (rules(("test", "", "*")), Place("test"), "test", True),
    (rules(("test2", "", "*")), Place("test"), "test", False),
    (
        rules(("host", LOCAL, "!{kube-system,argocd}"), ("d1", "https://eks", "*")),
        Place("", "https://eks"),
        "kube-system",
        True,
    ),
    (rules(("", f"!{LOCAL}", "default")), Place("", LOCAL), "default", False),
    (rules(("", LOCAL, "!default")), Place("", LOCAL), "kube-system", True),
    (rules(("", "!https://my-cluster", "default")), Place("", LOCAL), "default", True),
    (rules(("", f"!{LOCAL}", "*")), Place("", LOCAL), "kube-system", False),
    (rules(("", LOCAL, "!test-*")), Place("", LOCAL), "test-foo", False),
    (rules(("", LOCAL, "!test-*")), Place("", LOCAL), "test", True),
    (rules(("!test", "", "*")), Place("test"), "test", False),
    (rules(("!test2", "", "*")), Place("test"), "test", True),
    (rules(("", "*", "kube-system"), ("", "*", "!kube-system")), Place("", LOCAL), "kube-system", False),
    (rules(("", "*", "*"), ("", "*", "!kube-system")), Place("", LOCAL), "kube-system", False),
    (rules(("", LOCAL, "*"), ("", f"!{LOCAL}", "*")), Place("", LOCAL), "kube-system", False),
    (rules(("", "*", "*"), ("", f"!{LOCAL}", "kube-system")), Place("", LOCAL), "kube-system", False),
    (rules(("", "*", "*"), ("", f"!{LOCAL}", "kube-system")), Place("", LOCAL), "default", True),
    (rules(("", "*", "*"), ("", "*", "!kube-system")), Place("", "https://dev"), "kube-system", False),
    (rules(("test", "", "*"), ("!test", "", "*")), Place("test"), "test", False),
    (rules(("", "*", "test"), ("", "!https://test", "other")), Place("", "https://test"), "test", True),
    (rules(("", "*", "*"), ("", "https://test", "!other")), Place("", "https://other"), "other", True),
    (rules(("!test", "", "nowhere")), Place("test", LOCAL), "prod", False),
    ((), Place("test", LOCAL), "prod", False),
    (rules(("*", "*", "*")), Place(), "prod", False),
]


@pytest.mark.parametrize(("entries", "place", "namespace", "permitted"), DESTINATIONS)
def test_destinations(entries, place, namespace, permitted):
    assert permits_destination(project(destinations=entries), place, namespace) is permitted


@pytest.mark.parametrize(("reserved_for", "permitted"), [("team", True), ("", False), ("other", False)])
def test_only_clusters_of_the_project_where_it_says_so(reserved_for, permitted):
    strict = project(destinations=rules(("*", "*", "*")), only_scoped_clusters=True)
    assert permits_destination(strict, Place("c", "https://c", reserved_for), "prod") is permitted


ANY = (KindRule(group="*", kind="*"),)
SETS = (KindRule(group="apps", kind="ReplicaSet"),)
DEPLOYMENTS = (KindRule(group="apps", kind="Deployment"),)
TEAM_SPACES = (KindRule(group="", kind="Namespace", name="team1-*"),)


@pytest.mark.parametrize(
    ("fields", "ref", "namespaced", "permitted"),
    [
        (
            {"namespaced_kinds": (), "namespaced_kinds_denied": DEPLOYMENTS},
            Kind(group="apps", kind="ReplicaSet"),
            True,
            False,
        ),
        (
            {"namespaced_kinds": SETS, "namespaced_kinds_denied": DEPLOYMENTS},
            Kind(group="apps", kind="ReplicaSet"),
            True,
            True,
        ),
        ({"namespaced_kinds": SETS}, Kind(group="apps", kind="Action"), True, False),
        ({"namespaced_kinds_denied": DEPLOYMENTS}, Kind(group="apps", kind="Deployment"), True, False),
        (
            {"namespaced_kinds": ANY, "namespaced_kinds_denied": DEPLOYMENTS},
            Kind(group="apps", kind="Deployment"),
            True,
            False,
        ),
        ({}, Kind(group="apps", kind="Action"), True, True),
        ({}, Kind(group="", kind="Namespace"), False, False),
        ({"cluster_kinds": ANY}, Kind(group="", kind="Namespace"), False, True),
        ({"cluster_kinds": ANY, "cluster_kinds_denied": ANY}, Kind(group="", kind="Namespace"), False, False),
        ({"cluster_kinds": ANY, "cluster_kinds_denied": ANY}, Kind(group="apps", kind="Action"), True, True),
        ({"cluster_kinds": TEAM_SPACES}, Ref(group="", kind="Namespace", name="other"), False, False),
        ({"cluster_kinds": TEAM_SPACES}, Ref(group="", kind="Namespace", name="team1-a"), False, True),
        (
            {"cluster_kinds": ANY, "cluster_kinds_denied": TEAM_SPACES},
            Ref(group="", kind="Namespace", name="team1-a"),
            False,
            False,
        ),
        (
            {"cluster_kinds": (KindRule(group="*.example.com", kind="*"),)},
            Kind(group="db.example.com", kind="Pool"),
            False,
            True,
        ),
    ],
)
def test_kinds(fields, ref, namespaced, permitted):
    refused = refuse_kind(project(**fields), ref, namespaced=namespaced)
    assert refused == ("" if permitted else f"resource {ref.group}:{ref.kind} is not permitted in project team")


def test_an_object_is_refused_by_its_kind_first_and_then_by_its_namespace():
    narrow = project(destinations=rules(("", LOCAL, "prod")), namespaced_kinds=SETS)
    place = Place("in-cluster", LOCAL)
    assert (
        refuse_object(narrow, Ref(group="", kind="Secret", namespace="dev", name="s"), place, namespaced=True)
        == "resource :Secret is not permitted in project team"
    )
    elsewhere = Ref(group="apps", kind="ReplicaSet", namespace="dev", name="r")
    assert (
        refuse_object(narrow, elsewhere, place, namespaced=True) == "namespace dev is not permitted in project 'team'"
    )
    assert not permits_live(narrow, elsewhere, place)
    assert permits_live(narrow, Ref(group="apps", kind="ReplicaSet", namespace="prod", name="r"), place)


def test_a_cluster_scoped_object_has_no_namespace_to_be_refused_by():
    narrow = project(destinations=rules(("", LOCAL, "prod")), cluster_kinds=ANY)
    role = Ref(group="rbac.authorization.k8s.io", kind="ClusterRole", name="r")
    assert refuse_object(narrow, role, Place("in-cluster", LOCAL), namespaced=False) == ""


@pytest.mark.parametrize(
    ("namespace", "permitted"), [("argocd", True), ("", True), ("team-a", True), ("x7", True), ("other", False)]
)
def test_applications_outside_the_control_namespace_need_a_project_that_names_theirs(namespace, permitted):
    refused = refuse_owner(project(source_namespaces=("team-*", "/^x[0-9]$/")), app(namespace=namespace))
    text = f"application 'shop' in namespace '{namespace}' is not permitted to use project 'team'"
    assert refused == ("" if permitted else text)


def test_every_reason_is_given_once():
    sources = (Source(url=f"{HUB}/a"), Source(url=f"{HUB}/a", path="b"), Source(url=f"{HUB}/ok"))
    found = refusals(project(source_repos=(f"{HUB}/ok",)), app(sources=sources, namespace="x"), Place("c1", LOCAL))
    assert found == (
        "application 'shop' in namespace 'x' is not permitted to use project 'team'",
        f"application repo {HUB}/a is not permitted in project 'team'",
        f"application destination server '{LOCAL}' and namespace 'prod' do not match any of the allowed destinations in project 'team'",
    )


def test_a_destination_by_name_is_named_in_the_refusal():
    named = app(destination=Destination(name="c1", namespace="prod"))
    assert "server 'c1' and" in refusals(project(source_repos=("*",)), named, Place("c1", LOCAL))[0]


def test_the_default_project_permits_everything():
    everything = default_project("argocd")
    assert refusals(everything, app(), Place("c1", LOCAL)) == ()
    assert refuse_object(everything, Ref(group="", kind="Node", name="n"), Place("c1"), namespaced=False) == ""
