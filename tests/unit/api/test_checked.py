from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field

from plat.api import UserError, checked, nearest


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    repo_url: str = Field(default="", alias="repoURL")


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: dict[str, Item] = {}
    rows: list[Item] = []
    count: int = 0


@pytest.mark.parametrize(
    ("data", "where", "text", "remedy"),
    [
        ({"item": {}}, "item", "unknown field 'item'", "did you mean 'items'?"),
        (
            {"items": {"a": {"name": "x", "repoUrl": ""}}},
            "items.a.repoUrl",
            "unknown field 'repoUrl'",
            "did you mean 'repoURL'?",
        ),
        ({"rows": [{"nam": "x"}]}, "rows.0.nam", "unknown field 'nam'", "did you mean 'name'?"),
        ({"rows": [{}]}, "rows.0.name", "is required", "add 'name'"),
        ({"count": "many"}, "count", "Input should be a valid integer, unable to parse string as an integer", ""),
        ({"zzz": 1}, "zzz", "unknown field 'zzz'", "known are count, items, rows"),
    ],
)
def test_the_first_mistake_is_named_with_its_place_and_remedy(data, where, text, remedy):
    with pytest.raises(UserError) as caught:
        checked(Whole, data)
    assert (caught.value.where, caught.value.args[0], caught.value.remedy) == (where, text, remedy)


def test_a_place_is_put_before_the_path():
    with pytest.raises(UserError) as caught:
        checked(Whole, {"count": []}, where="plat.yaml:3")
    assert caught.value.where == "plat.yaml:3: count"
    assert str(caught.value).startswith("plat.yaml:3: count: Input should be")


def test_what_is_right_becomes_the_model():
    assert checked(Whole, {"rows": [{"name": "x"}]}).rows[0].name == "x"


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("prd", ["prod", "dev"], "did you mean 'prod'?"),
        ("x", ["prod", "dev"], "known are dev, prod"),
        ("x", [], "known are none"),
    ],
)
def test_nearest(name, known, expected):
    assert nearest(name, known) == expected
