from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from plat.api import Duration, Ref, at, editable, outside, ref_of, substitute


class Waits(BaseModel):
    after: Duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90),
        ("90", 90),
        ("90s", 90),
        ("1h30m", 5400),
        ("5m0s", 300),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("2d", 172800),
        ("-3s", -3),
        (0, 0),
        ("0", 0),
    ],
)
def test_durations_are_read_as_people_write_them(written, seconds):
    assert Waits(after=written).after == timedelta(seconds=seconds)


@pytest.mark.parametrize("written", ["5 minutes", "", "1h-30m", "m5", "5x", "1h 30m", "∞"])
def test_what_is_no_duration_is_refused_with_an_example(written):
    with pytest.raises(ValidationError, match="write it like 90s"):
        Waits(after=written)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_hours_minutes_seconds_add_up(hours, minutes, seconds):
    text = f"{hours}h{minutes}m{seconds}s"
    assert Waits(after=text).after == timedelta(hours=hours, minutes=minutes, seconds=seconds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$NAME", "web"),
        ("${NAME}", "web"),
        ("$NAME-$NAME", "web-web"),
        ("x$UNKNOWN.y", "x.y"),
        ("${UNKNOWN}", ""),
        ("$$NAME", "$NAME"),
        ("$$$NAME", "$web"),
        ("100%", "100%"),
        ("a$", "a$"),
        ("${NAME", "${NAME"),
    ],
)
def test_build_environment_variables(text, expected):
    assert substitute(text, {"NAME": "web"}) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("repo_url", "repoURL"),
        ("name_prefix", "namePrefix"),
        ("insecure_skip_tls", "insecureSkipTLS"),
        ("kind", "kind"),
    ],
)
def test_names_outside_are_those_of_manifests(name, expected):
    assert outside(name) == expected


def test_at_gives_the_default_for_what_is_absent_null_or_not_a_mapping():
    manifest = {"spec": {"replicas": 3, "paused": None, "list": [1]}}
    assert at(manifest, "spec.replicas") == 3
    assert at(manifest, "spec.paused", "no") == "no"
    assert at(manifest, "spec.list.0", "no") == "no"
    assert at(None, "spec", "no") == "no"


def test_editable_is_a_deep_copy():
    manifest = {"spec": {"list": [1]}}
    copy = editable(manifest)
    copy["spec"]["list"].append(2)
    assert manifest == {"spec": {"list": [1]}}


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        (
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "prod"}},
            "apps/Deployment prod/web",
        ),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod"}}, "Namespace prod"),
        ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": None}}, "Service web"),
    ],
)
def test_an_object_is_named_by_kind_and_place(manifest, text):
    assert str(ref_of(manifest)) == text


def test_refs_with_labels_can_be_keys():
    assert len({Ref(kind="Pod", labels={"a": "b"}), Ref(kind="Pod", labels={"a": "b"})}) == 1
