"""What generating an ApplicationSet needs: generators by plug-in, template engines, patches, validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plat.api import JSON, ApplicationSet, Dialect, Generator, Manifest, UserError, checked
from plat.app.contexts import Contexts
from plat.cluster.appset import Generated, Patch, TemplateMany, Text, Tools, engine_of, generate, generator_kind
from plat.cluster.catalog import Catalog
from plat.cluster.fleet import Fleet
from plat.cluster.inventory import DialectOf, declare, kind_name
from plat.gobridge import Bridge, patch, template, yaml
from plat.host import Host


class Generators:
    """Generates sets."""

    def __init__(self, host: Host, contexts: Contexts, fleet: Fleet, dialect_of: DialectOf, catalog: Catalog) -> None:
        self._registry = host.registry("plat_generators", Generator)
        self._contexts, self._fleet, self._dialect_of, self._catalog = contexts, fleet, dialect_of, catalog
        self._last: dict[str, tuple[ApplicationSet, Generated]] = {}

    async def generate(self, applications: ApplicationSet) -> Generated:
        """Return the applications that a set wants; raises what a generator raises."""

        async def call(key: str, fields: Mapping[str, JSON]) -> Sequence[Mapping[str, JSON]]:
            kind = generator_kind(key, tuple(fields), self._registry.kinds())
            generator = checked(self._registry.get(kind).cls, dict(fields), where=f"spec.generators.{key}")
            return await self._contexts.generate(
                generator,
                self._fleet,
                go_template=applications.go_template,
                options=applications.go_template_options,
            )

        engine = engine_of(applications, _templates(self._contexts.bridge))
        tools = Tools(call, engine, _patches(self._contexts.bridge), self._validate)
        of, last = self._last.get(applications.id, (None, None))
        generated = await generate(applications, tools, last=last if of is applications else None)
        self._last[applications.id] = (applications, generated)
        return generated

    def _validate(self, manifest: Manifest) -> str:
        """Say what is wrong with one generated application, so that it is skipped and the others go on."""
        if self._catalog.holds(manifest):
            return ""
        dialect: Dialect[object] | None = self._dialect_of(kind_name(manifest))
        if dialect is None:
            return f"nothing reads {kind_name(manifest)}"
        try:
            declare(manifest, dialect, self._catalog.others, where="")
        except UserError as error:
            return str(error)
        return ""


def _templates(bridge: Bridge) -> TemplateMany:
    async def render(texts: Sequence[Text]) -> Sequence[str | UserError]:
        items = [template.TemplateItem(text=item.text, values=item.values, options=item.options) for item in texts]
        return await template.render(bridge, items)

    return render


def _patches(bridge: Bridge) -> Patch:
    async def apply(manifest: Manifest, text: str) -> Manifest:
        documents = await yaml.documents(bridge, text.encode(), where="templatePatch")
        if not documents:
            return manifest
        (patched,) = await patch.strategic(bridge, [(manifest, documents[0].value)])
        if isinstance(patched, UserError):
            raise patched
        return dict(patched)

    return apply
