from __future__ import annotations

from datetime import UTC, datetime, timedelta

from plat.api import Ref
from plat.app.drifts import Episodes
from plat.cluster.drift import HEALED, SEEN
from plat.store import Row

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WEB = Ref(group="apps", kind="Deployment", namespace="prod", name="web")
FACTS = {"group": "apps", "kind": "Deployment", "namespace": "prod", "name": "web"}
TAKEN = {**FACTS, "fields": [{"path": ".spec.replicas", "manager": "hpa"}]}


def row(kind: str, facts: dict, minutes: float, seq: int = 1) -> Row:
    return Row(
        at=NOW + timedelta(minutes=minutes), type=kind, subject=f"argocd/shop: {WEB}", facts=facts, epoch=1, seq=seq
    )


def test_an_episode_is_open_until_it_is_healed():
    episodes = Episodes()
    episodes.recorded(row(SEEN, TAKEN, 0, seq=7))
    assert {ref: episode.id for ref, episode in episodes.of("argocd/shop").items()} == {WEB: "1.7"}
    assert episodes.of("argocd/bill") == {}
    episodes.recorded(row(HEALED, FACTS, 1))
    assert episodes.of("argocd/shop") == {}


def test_what_was_taken_is_remembered_for_ten_minutes_though_it_was_healed():
    episodes = Episodes()
    for minutes in (0, 4, 8):
        episodes.recorded(row(SEEN, TAKEN, minutes))
        episodes.recorded(row(HEALED, FACTS, minutes + 1))
    assert [(each.path, each.manager) for each in episodes.taken("argocd/shop")] == [(".spec.replicas", "hpa")] * 3
    episodes.recorded(row(SEEN, {**TAKEN, "fields": []}, 13))
    assert [each.at for each in episodes.taken("argocd/shop")] == [NOW + timedelta(minutes=n) for n in (4, 8)]
    assert episodes.taken("argocd/bill") == ()


def test_other_rows_say_nothing_of_drift():
    episodes = Episodes()
    episodes.recorded(row("sync.succeeded", {}, 0))
    assert episodes.of("argocd/shop") == {}
