"""TLS contexts from PEM bytes, leaving no file behind."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from plat.api import UserError
from plat.kube.access import Access
from plat.kube.credentials import Identity


def tls(access: Access, identity: Identity) -> ssl.SSLContext:
    """Return the TLS context for this server and identity; UserError if a certificate or key cannot be used."""
    try:
        context = ssl.create_default_context(cadata=access.ca.decode() if access.ca else None)
        # Since Python 3.13 on by default; Go is not so strict, and the CAs that clusters make for themselves fail it.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if access.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if identity.certificate:
            with _as_path(identity.certificate + b"\n" + identity.key) as path:
                # A password that is wrong on purpose: without one OpenSSL would ask on the terminal.
                context.load_cert_chain(path, password="")
    except (ssl.SSLError, ValueError, OSError) as error:
        raise UserError(
            f"the certificates for {access.server} cannot be used: {getattr(error, 'reason', None) or error}",
            remedy="check the CA, client certificate and key (PEM, the key without a password)",
        ) from None
    return context


@contextmanager
def _as_path(pem: bytes) -> Iterator[str]:
    """Give a path that reads as these bytes: memory where the system can, else a file of ours, gone at once."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("plat")
        try:
            os.write(descriptor, pem)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(prefix="plat-") as file:
        file.write(pem)
        file.flush()
        yield file.name
