"""A department's portal with the one sign-in: one YAML file, one key, this program.

    python -m demo.portal demo/portals/market.yaml --key KEY.pem --data FOLDER

It shares nothing with the platform but the provider: no cookie, no token, no database. Whoever
builds a portal of his own finds here what it takes; the sign-in is in `demo/portal_pages.py`.
"""

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
import uvicorn

from demo.portal_pages import create_portal
from demo.portal_parts import ISSUER, PLATFORM, open_portal
from idp.errors import InvalidPortalError
from idp.portals import read_portal

BAD_DATA = 65
HTTPS = 443


def main(
    file: Annotated[Path, typer.Argument(help="The portal's YAML file.")],
    *,
    key: Annotated[Path, typer.Option(help="The portal's private key, in PEM.")],
    data: Annotated[Path, typer.Option(help="A folder of its own.")],
    issuer: Annotated[str, typer.Option(help="The provider.")] = ISSUER,
    platform: Annotated[str, typer.Option(help="The platform's origin.")] = PLATFORM,
) -> None:
    """Serve one portal on 127.0.0.1 until Ctrl-C."""
    try:
        portal = read_portal(file.read_bytes())
    except InvalidPortalError as error:
        sys.stderr.write("\n".join(map(str, error.faults)) + "\n")
        raise typer.Exit(BAD_DATA) from None
    with open_portal(
        portal, key=key.read_bytes(), data=data, oidc_issuer=issuer, platform=platform
    ) as parts:
        sys.stdout.write(f"{portal.home}\n")
        sys.stdout.flush()
        uvicorn.run(
            create_portal(parts),
            host="127.0.0.1",
            port=urlsplit(portal.home).port or HTTPS,
            access_log=False,  # addresses hold codes
            log_level="warning",
            server_header=False,
        )


if __name__ == "__main__":
    typer.run(main)
