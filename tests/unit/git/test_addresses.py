from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import UserError
from plat.git import Addresses, normalise, same_repository
from plat.git.addresses import parse


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/Org/Repo",
        "https://github.com/org/repo.git",
        "http://user:secret@github.com:8443/org/repo/",
        "git@github.com:org/repo.git",
        "ssh://git@ssh.github.com:443/org/repo.git",
        "ssh://git@altssh.github.com/org/repo",
        "git://GITHUB.com//org/repo.git/",
    ],
)
def test_spellings_of_one_repository(url: str) -> None:
    assert normalise(url) == "github.com/org/repo"
    assert same_repository(url, "https://github.com/org/repo")


@pytest.mark.parametrize(
    "url", ["https://github.com/org/repo2", "https://gitlab.com/org/repo", "https://github.com/repo"]
)
def test_other_repositories(url: str) -> None:
    assert not same_repository(url, "https://github.com/org/repo")


@given(st.text())
def test_any_text_is_compared_without_an_error(text: str) -> None:
    assert same_repository(text, text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/your-org/gitops-repo", "file:///stack/repos/gitops-repo"),
        ("https://github.com/your-org/special.git", "ssh://git@example.com/special.git"),
        ("https://github.com/other/x", "https://github.com/other/x"),
        ("file://repos/x", "file:///stack/repos/x"),
        ("file:///absolute/x", "file:///absolute/x"),
        ("repos/x.git", "file:///stack/repos/x.git"),
        ("https://up.example/x", "file:///x"),
    ],
)
def test_the_longest_prefix_is_replaced_once(url: str, expected: str) -> None:
    addresses = Addresses(
        {
            "https://github.com/your-org/": "file://repos/",
            "https://github.com/your-org/special": "ssh://git@example.com/special",
            "file://repos/": "https://never.example/",
            "https://up.example/": "file://../",
        }
        if not url.startswith("file")
        else {},
        Path("/stack"),
    )
    assert addresses.effective(url).url == expected


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://Example.com/Org/x.git", "https://example.com:/Org/x"),
        ("https://example.com/Org/x/", "https://example.com:/Org/x"),
        ("https://ann:pw@example.com/Org/x", "https://example.com:/Org/x"),
        ("git@example.com:org/x.git", "ssh://example.com::org/x"),
    ],
)
def test_one_mirror_for_equal_addresses(url: str, key: str) -> None:
    assert parse(url).key == key


def test_a_password_leaves_the_address() -> None:
    address = parse("https://ann:s%40cret@example.com/x")
    assert (address.url, address.user, address.password) == ("https://example.com/x", "ann", "s@cret")
    assert "cret" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-uroot",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "ext::sh",
        "fd::17",
        "ssh://-oProxyCommand=id/x",
        "-oProxyCommand=id:x",
        "https://example.com/a\nhost=evil.example",
        "https://example.com/%0ahost=evil.example",
        "ftp://example.com/x",
        "https:///x",
        "https://example.com:port/x",
    ],
)
def test_what_git_never_sees(url: str) -> None:
    with pytest.raises(UserError):
        parse(url)


def test_an_error_hides_the_password() -> None:
    with pytest.raises(UserError) as caught:
        parse("https://ann:secret@example.com:port/x")
    assert "secret" not in str(caught.value)
