from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import PlatError, RefusedError, UnavailableError, UserError
from plat.kube.errors import ForbiddenError, InvalidError, UnknownKindError, from_status, masked


def _error(status: int, headers: Any = None, **answer: object) -> PlatError:
    return from_status(status, orjson.dumps(answer), headers=headers or {}, where="cluster c, GET /x")


@pytest.mark.parametrize(
    ("status", "answer", "expected", "code"),
    [
        (400, {"message": "bad"}, InvalidError, None),
        (401, {"message": "Unauthorized"}, ForbiddenError, None),
        (403, {"message": "no"}, ForbiddenError, None),
        (
            403,
            {"message": "no", "details": {"causes": [{"reason": "NamespaceTerminating"}]}},
            UnavailableError,
            "terminating",
        ),
        (404, {"message": "not found", "details": {"name": "web"}}, RefusedError, "not-found"),
        (404, {"message": "the server could not find the requested resource", "details": {}}, UnknownKindError, None),
        (405, {"message": "not allowed"}, UnknownKindError, None),
        (409, {"reason": "Conflict", "message": "modified"}, RefusedError, "conflict"),
        (409, {"reason": "AlreadyExists", "message": "there"}, RefusedError, "exists"),
        (410, {"reason": "Expired", "message": "too old"}, RefusedError, "expired"),
        (422, {"reason": "Invalid", "message": "spec.x: immutable"}, InvalidError, None),
        (429, {"reason": "TooManyRequests", "message": "slow down"}, UnavailableError, "toomanyrequests"),
        (500, {"reason": "InternalError", "message": "failed calling webhook"}, UnavailableError, "internalerror"),
        (500, {"message": "failed to create typed patch object (a/b): .spec.x: no"}, InvalidError, None),
        (503, {}, UnavailableError, "unavailable"),
    ],
)
def test_a_status_says_whose_fault_it_is(
    status: int, answer: dict[str, object], expected: type[PlatError], code: str | None
) -> None:
    error = _error(status, **answer)
    assert type(error) is expected
    assert str(answer.get("message", "")) in str(error)
    if code is not None:
        assert getattr(error, "code") == code  # noqa: B009  # not on every class


def test_a_conflict_names_the_fields_and_their_managers() -> None:
    cause = {"field": ".spec.replicas", "reason": "FieldManagerConflict", "message": 'conflict with "hpa"'}
    error = _error(409, reason="Conflict", message="conflict", details={"causes": [cause]})
    assert isinstance(error, RefusedError)
    assert error.output["causes"] == [cause]


def test_invalid_keeps_its_causes() -> None:
    cause = {"field": "spec.selector", "reason": "FieldValueInvalid", "message": "field is immutable"}
    error = _error(422, reason="Invalid", message="m", details={"causes": [cause]})
    assert isinstance(error, InvalidError)
    assert [(c.field, c.message) for c in error.causes] == [("spec.selector", "field is immutable")]


def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    error = _error(429, {"Retry-After": "7"})
    assert isinstance(error, UnavailableError)
    assert error.after == timedelta(seconds=7)


def test_an_answer_that_is_no_status_is_quoted_in_part() -> None:
    error = from_status(502, b"<html>" + b"x" * 5000, headers={}, where="cluster c")
    assert "<html>" in str(error)
    assert len(str(error)) < 400


def test_values_of_a_secret_never_show() -> None:
    encoded = base64.b64encode(b"hunter22").decode()
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": encoded, "n": 12345}, "stringData": {"b": "s3cret!"}}
    text = f"data.a: {encoded}; plain hunter22; b: s3cret!; .data.n: expected string, got &v{{Value:12345}}"
    cause = {"field": "data.a", "reason": "x", "message": text}
    error = masked(_error(422, message=text, details={"causes": [cause]}), secret)
    assert isinstance(error, InvalidError)
    shown = f"{error} {error.causes}"
    assert not any(value in shown for value in (encoded, "hunter22", "s3cret!", "12345"))
    assert "expected string" in shown


def test_other_kinds_keep_the_whole_message() -> None:
    error = masked(UserError("replicas: 12345"), {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "12345"}})
    assert "12345" in str(error)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["details", "causes", "name", "reason", "message"]), inner, max_size=3)
    ),
)


@given(st.integers(300, 599), st.binary() | _json.map(orjson.dumps), st.dictionaries(st.just("Retry-After"), st.text()))
def test_whatever_a_proxy_in_between_answers_is_an_error_of_ours(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    error = from_status(status, body, headers=headers, where="cluster c")
    assert isinstance(error, PlatError)
    assert str(error)
