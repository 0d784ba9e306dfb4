"""What the dialects of one Argo CD share, given under `dialects: argocd:` in plat.yaml. It knows no kind."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar, Final, Generic, Literal, TypeAlias, TypeVar, get_args

from plat.api import Camp, Dialect, Lookup, Ref, Rival, UserError, at, nearest
from plat_argocd.rivals import APPLICATION_CONTROLLER

S = TypeVar("S")

Tracking: TypeAlias = Literal["annotation", "label", "annotation+label"]

CONFIG_MAP: Final = "argocd-cm"
METHOD: Final = "application.resourceTrackingMethod"
LABEL_KEY: Final = "application.instanceLabelKey"


class ArgoDialect(Dialect[S], ABC, Generic[S]):
    """The shared configuration, so that one block of plat.yaml fits every kind."""

    rivals: ClassVar[tuple[Rival, ...]] = (APPLICATION_CONTROLLER,)
    namespace: str = "argocd"
    """The control namespace: what manifests without one belong to."""
    tracking: Tracking | None = None
    """As `application.resourceTrackingMethod`; not given: as the stack's own argocd-cm says, else by annotation."""
    instance_label: str = ""
    """As `application.instanceLabelKey`; not given: as the stack's own argocd-cm says, else upstream's default."""
    doublestar: bool = False
    """As the ApplicationSet controller's `--enable-new-git-file-globbing`."""

    def camp(self, others: Lookup) -> Camp:
        """Return how this Argo CD tracks objects. Raises UserError for a method that does not exist."""
        given = self._config_map(others) if self.tracking is None or not self.instance_label else {}
        method = self.tracking or given.get(METHOD) or "annotation"
        if method not in get_args(Tracking):
            where = f"{CONFIG_MAP}: data.{METHOD}"
            raise UserError(
                f"{method!r} is no tracking method", where=where, remedy=nearest(method, get_args(Tracking))
            )
        label = self.instance_label or given.get(LABEL_KEY) or "app.kubernetes.io/instance"
        return Camp.model_validate({"tracking": method, "instance_label": label, "home": self.namespace})

    def _config_map(self, others: Lookup) -> Mapping[str, str]:
        found = others.get(Ref(kind="ConfigMap", namespace=self.namespace, name=CONFIG_MAP))
        data = at(found, "data", {})
        return {key: str(value) for key, value in data.items()} if isinstance(data, Mapping) else {}
