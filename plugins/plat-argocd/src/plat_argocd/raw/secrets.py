"""The content of Argo CD's cluster Secrets (spec/cluster §10). Everything here may be secret: it is never printed."""

from __future__ import annotations

from pydantic import Field

from plat.api import JSON
from plat_argocd.raw.shape import Raw


class RawTls(Raw):
    """How the connection is encrypted; `...Data` is base64 of PEM."""

    insecure: bool = False
    server_name: str = ""
    ca_data: str = ""
    cert_data: str = ""
    key_data: str = ""


class RawConnection(Raw):
    """`config` of a cluster Secret."""

    username: str = ""
    password: str = Field(default="", repr=False)
    bearer_token: str = Field(default="", repr=False)
    tls_client_config: RawTls = Field(default=RawTls(), repr=False)
    aws_auth_config: dict[str, JSON] | None = None
    exec_provider_config: dict[str, JSON] | None = Field(default=None, repr=False)
    proxy_url: str = Field(default="", alias="proxyUrl", repr=False)
    disable_compression: bool = False
