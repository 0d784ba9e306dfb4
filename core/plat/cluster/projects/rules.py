"""What an AppProject permits (spec/cluster §9.1). Each function returns "" or why not, in the words of Argo CD. Pure.

One set of functions for the command line, the API and the reconciler (§9.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from plat.api import Application, DestinationRule, Kind, KindRule, Project, Ref
from plat.cluster.projects.globs import DENY, matches, matches_kind, matches_namespace

_SSH: Final = re.compile(r"(ssh://)?[^/:]*?@[^@]+")
_KEPT_IN_PATHS: Final = "/%!$&'()*+,;=:@[]~"


@dataclass(frozen=True)
class Place:
    """A cluster, as the rules see it. `project`: the one that its Secret reserves it for."""

    name: str = ""
    server: str = ""
    project: str = ""


def default_project(home: str) -> Project:
    """Return the project `default` as it is where nobody declares it: everything is permitted."""
    everything = (KindRule(group="*", kind="*"),)
    anywhere = (DestinationRule(server="*", namespace="*"),)
    return Project(name="default", namespace=home, source_repos=("*",), destinations=anywhere, cluster_kinds=everything)


def refusals(project: Project, app: Application, place: Place) -> tuple[str, ...]:
    """Return why an application may not be what it is: its own namespace, its sources, its destination."""
    found = [refuse_owner(project, app)]
    found += [refuse_source(project, source.url) for source in app.sources]
    found.append(_refuse_target(project, app, place))
    return tuple(dict.fromkeys(text for text in found if text))


def refuse_owner(project: Project, app: Application) -> str:
    """Refuse an Application that lives in a namespace the project does not name; the control namespace always may."""
    if app.namespace in ("", app.camp.home) or matches_namespace(project.source_namespaces, app.namespace):
        return ""
    return f"application '{app.name}' in namespace '{app.namespace}' is not permitted to use project '{project.name}'"


def refuse_source(project: Project, url: str) -> str:
    """Refuse a repository: some entry must match, and no `!` entry may deny it."""
    permitted, _ = _source(project, url)
    return "" if permitted else f"application repo {url} is not permitted in project '{project.name}'"


def warn_source(project: Project, url: str) -> str:
    """Warn where only `!` entries admit a repository, as they match whatever they do not deny."""
    permitted, by_denial = _source(project, url)
    if not (permitted and by_denial):
        return ""
    return (
        f"application repo {url} is permitted in project '{project.name}' only because a `!` entry does not deny it: "
        "name what is permitted in sourceRepos"
    )


def refuse_destination(project: Project, place: Place, namespace: str) -> str:
    """Refuse a cluster and namespace for one object, by the destinations of the project."""
    return "" if permits_destination(project, place, namespace) else _not_in(project, namespace)


def permits_destination(project: Project, place: Place, namespace: str) -> bool:
    """Say whether a project may write to a namespace of a cluster."""
    if not _destination_matches(project.destinations, place, namespace):
        return False
    return not project.only_scoped_clusters or place.project == project.name


def refuse_kind(project: Project, ref: Ref | Kind, *, namespaced: bool) -> str:
    """Refuse a kind, by the lists for its scope; for cluster-scoped objects the name counts too."""
    if _permits_kind(project, ref, namespaced=namespaced):
        return ""
    return f"resource {ref.group}:{ref.kind} is not permitted in project {project.name}"


def refuse_object(project: Project, ref: Ref, place: Place, *, namespaced: bool) -> str:
    """Refuse one object of an application: its kind, then, where it is namespaced, the namespace."""
    refused = refuse_kind(project, ref, namespaced=namespaced)
    return refused or (refuse_destination(project, place, ref.namespace) if namespaced else "")


def permits_live(project: Project, ref: Ref, place: Place) -> bool:
    """Say whether a live object is visible to applications of the project: else it is never shown nor pruned."""
    return not refuse_object(project, ref, place, namespaced=bool(ref.namespace))


def _refuse_target(project: Project, app: Application, place: Place) -> str:
    namespace = app.destination.namespace
    if permits_destination(project, place, namespace):
        return ""
    server = place.name if app.destination.name else place.server
    return (
        f"application destination server '{server}' and namespace '{namespace}' do not match any of the allowed "
        f"destinations in project '{project.name}'"
    )


def _not_in(project: Project, namespace: str) -> str:
    return f"namespace {namespace} is not permitted in project '{project.name}'"


def _source(project: Project, url: str) -> tuple[bool, bool]:
    """Return whether a repository is permitted, and whether only by entries that deny others."""
    own, admitted, named = _normal(url), False, False
    for entry in project.source_repos:
        denies = entry.startswith(DENY)
        pattern = DENY + _normal(entry[1:]) if denies else _normal(entry)
        matched = matches(pattern, own, stop_at="/")
        if denies and not matched:
            return False, False
        admitted, named = admitted or matched, named or (matched and not denies)
    return admitted, not named


def _normal(url: str) -> str:
    """Return the spelling in which Argo CD compares addresses: lower case, no final `.git`, scp form as a path.

    Upstream makes all addresses that it cannot parse equal to one another; here they stay what they are.
    """
    url = url.strip().lower()
    if _SSH.fullmatch(url) and not url.startswith("ssh://"):
        url = url.replace(":", "/", 1)
    url = url.removeprefix("ssh://").removesuffix(".git")
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    # The escaping is upstream's, so braces in sourceRepos are no alternatives there nor here.
    return url.replace(parts.path, quote(parts.path, safe=_KEPT_IN_PATHS), 1) if parts.path.strip("/") else url


def _destination_matches(rules: Iterable[DestinationRule], place: Place, namespace: str) -> bool:
    admitted = False
    for rule in rules:
        name = bool(place.name) and matches(rule.name, place.name)
        server = bool(place.server) and matches(rule.server, place.server)
        space = matches(rule.namespace, namespace)
        if (name or server) and space:
            admitted = True
        elif any(_denials(rule, name=name, server=server, space=space)):
            return False
    return admitted


def _denials(rule: DestinationRule, *, name: bool, server: bool, space: bool) -> Iterator[bool]:
    """A `!name` denies in any namespace, a `!server` where the namespace matches, a `!namespace` on its server."""
    yield rule.name.startswith(DENY) and not name
    yield rule.server.startswith(DENY) and not server and space
    yield rule.namespace.startswith(DENY) and not space and server


def _permits_kind(project: Project, ref: Ref | Kind, *, namespaced: bool) -> bool:
    if namespaced:
        allowed = project.namespaced_kinds is None or _listed(ref, project.namespaced_kinds, None)
        return allowed and not _listed(ref, project.namespaced_kinds_denied, None)
    name = ref.name if isinstance(ref, Ref) else ""
    return _listed(ref, project.cluster_kinds, name) and not _listed(ref, project.cluster_kinds_denied, name)


def _listed(ref: Kind, rules: Iterable[KindRule], name: str | None) -> bool:
    """Say whether a rule names a kind, and the object where the rule names one; `name` None: rules without names."""
    return any(
        matches_kind(rule.kind, ref.kind)
        and matches_kind(rule.group, ref.group)
        and (name is None or not rule.name or matches_kind(rule.name, name))
        for rule in rules
    )
