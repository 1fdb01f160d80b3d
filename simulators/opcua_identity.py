"""The certificate by which an emulated OPC UA server proves who it is."""

import os
import socket
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

VALID_DAYS = 3650


def identity(uri: str, host: str, folder: Path | None) -> tuple[bytes, bytes]:
    """Certificate (DER) and private key (PEM) of a server.

    With a folder they are kept there, so that who trusts the server may do so for longer than it runs.
    """
    if folder is None:
        return _certificate(uri, host, _key_of_this_process()), dump_private_key_as_pem(_key_of_this_process())
    certificate, key = folder / "certificate.der", folder / "private_key.pem"
    if not (certificate.exists() and key.exists()):
        made = generate_private_key()
        folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(dump_private_key_as_pem(made))
        certificate.write_bytes(_certificate(uri, host, made))
    return certificate.read_bytes(), key.read_bytes()


@cache
def _key_of_this_process() -> RSAPrivateKey:
    """One for all servers whose certificates nobody keeps: making one takes a tenth of a second."""
    return generate_private_key()


def _certificate(uri: str, host: str, key: RSAPrivateKey) -> bytes:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri), x509.DNSName(socket.gethostname())]
    try:
        names.append(x509.IPAddress(ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    made = generate_self_signed_app_certificate(
        key, "swaptwin emulator", {"organizationName": "swaptwin"}, names, uses, VALID_DAYS
    )
    return made.public_bytes(Encoding.DER)
