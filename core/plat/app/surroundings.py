"""What decides about every application of a stack, as one digest: versions of plug-ins and the stack's own files."""

from __future__ import annotations

from plat.app.opening import Opened
from plat.cluster.rendering.targets import digest


def surroundings(opened: Opened) -> str:
    """Return a digest of all that no application has for itself: with another one everything is looked at anew.

    Applications and sets are left out, as each is kept with its own version; so one more changes nothing for others.
    """
    inventory = opened.inventory
    own = {id(item.manifest) for item in inventory.applications.values()}
    own |= {id(item.manifest) for item in inventory.sets.values()}
    others = [found.manifest for found in opened.manifests.found if id(found.manifest) not in own]
    return digest([opened.host.versions, opened.stack.file.model_dump(mode="json", by_alias=True), others])
