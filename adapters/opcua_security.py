"""OPC UA: certificates. The gateway's own is made at its first need; a server's is remembered from its first sight."""

import asyncio
import hashlib
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import structlog
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss, SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from adapters.link import CONNECT_TIMEOUT_S, LostError
from config.binding import BoundDevice

POLICIES: dict[str, Any] = {
    "Basic256Sha256": SecurityPolicyBasic256Sha256,
    "Aes256Sha256RsaPss": SecurityPolicyAes256Sha256RsaPss,
}
VALID_DAYS = 3650
"""A gateway runs unattended for years; its certificate is trusted by hand at each server."""

_NOT_TRUSTED = frozenset(
    {
        "BadCertificateUntrusted",
        "BadSecurityChecksFailed",
        "BadCertificateChainIncomplete",
        "BadCertificateInvalid",
        "BadCertificateUriInvalid",
        "BadCertificateTimeInvalid",
        "BadCertificateUseNotAllowed",
        "BadCertificateRevoked",
        "BadCertificateIssuerRevocationUnknown",
        "BadCertificateRevocationUnknown",
        "BadCertificateIssuerTimeInvalid",
        "BadCertificateIssuerUseNotAllowed",
        "BadCertificateHostNameInvalid",
        "BadCertificatePolicyCheckFailed",
    }
)
_USER_REFUSED = frozenset(
    {
        "BadIdentityTokenInvalid",
        "BadIdentityTokenRejected",
        "BadUserAccessDenied",
        "BadUserSignatureInvalid",
    }
)
_log = structlog.get_logger()


async def secure(client: Client, device: BoundDevice, now: float) -> None:
    """Prepare a client for the device's ``security``; ``now`` in epoch s. Raises ``LostError`` with what must be done.

    The library itself would take any certificate for the server's; this one is compared with the site file's, or with
    the one that the server showed first.
    """
    wanted = device.device.security
    if wanted == "None":
        client.application_uri = application_uri(device.site)
        return
    own, key = await asyncio.to_thread(_own_files, device)
    certificate = await asyncio.to_thread(_certificate, own)
    _require_valid(certificate, own, now)
    client.application_uri = _uri_of(certificate, own)
    shown = await _server_certificate(device)
    await asyncio.to_thread(_require_same, device, shown)
    try:
        await client.set_security(
            POLICIES[wanted],
            CertProperties(certificate.public_bytes(Encoding.DER), "der"),
            CertProperties(*await asyncio.to_thread(_content, key)),
            server_certificate=CertProperties(shown, "der"),
            mode=ua.MessageSecurityMode.SignAndEncrypt,
        )
    except OSError as error:
        raise LostError(f"private key {key} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, TypeError) as error:
        raise LostError(f"private key {key} cannot be used: {error}") from error


def application_uri(site: str) -> str:
    """How the gateway names itself to servers, until a certificate of its own says otherwise."""
    return f"urn:{socket.gethostname()}:swaptwin:{site}"


def refusal(error: BaseException, device: BoundDevice) -> str | None:
    """What a server's refusal of certificate or user means, in an engineer's words; ``None`` for anything else."""
    where = f"{device.device.host}:{device.device.port}"
    name = type(error).__name__ if isinstance(error, UaStatusCodeError) else ""
    if name in _USER_REFUSED:
        user = f"user {device.device.username!r}" if device.device.username else "a session without a user"
        return f"{where} refuses {user} ({name}): see username and password_env"
    if device.device.security == "None":
        return f"{where} wants security ({name}): see the device's key security" if name in _NOT_TRUSTED else None
    own = own_certificate(device)
    if name in _NOT_TRUSTED:
        return f"{where} does not accept this gateway's certificate ({name}): let it trust {own}{_thumbprint_of(own)}"
    # Some servers just hang up; where one answers with a fault, the library asserts that it is none.
    if isinstance(error, ConnectionError | AssertionError) and not isinstance(error, ConnectionRefusedError):
        return (
            f"{where} ended the connection while it was being secured: if it does not know this gateway yet, "
            f"let it trust {own}{_thumbprint_of(own)}"
        )
    return None


def own_certificate(device: BoundDevice) -> Path:
    """The gateway's certificate for a device: the site file's, else the one that is made."""
    return device.device.certificate or device.pki / "own" / "certificate.der"


def server_certificate(device: BoundDevice) -> Path:
    """The certificate that the server must show: the site file's, else the first one that it showed."""
    return device.device.server_certificate or device.pki / "servers" / f"{device.id.replace('/', '-')}.der"


def thumbprint(der: bytes) -> str:
    """How tools name a certificate: the SHA-1 of its DER form."""
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


async def _server_certificate(device: BoundDevice) -> bytes:
    """The certificate that the server shows for the wanted policy, DER."""
    url = device.device.url
    endpoints = await Client(url, timeout=CONNECT_TIMEOUT_S).connect_and_get_server_endpoints()
    wanted = POLICIES[device.device.security].URI
    for endpoint in endpoints:
        if endpoint.SecurityPolicyUri == wanted and endpoint.SecurityMode == ua.MessageSecurityMode.SignAndEncrypt:
            if not endpoint.ServerCertificate:
                raise LostError(f"{url} offers {device.device.security} but shows no certificate")
            chain = bytes(endpoint.ServerCertificate)
            # The certificate comes first in its chain; its length stands behind the first two bytes.
            return chain[: int.from_bytes(chain[2:4], "big") + 4]
    offered = sorted({_offer(endpoint) for endpoint in endpoints})
    raise LostError(
        f"{url} does not offer {device.device.security} SignAndEncrypt; it offers {', '.join(offered) or 'nothing'}"
    )


def _offer(endpoint: ua.EndpointDescription) -> str:
    policy = str(endpoint.SecurityPolicyUri or "").rpartition("#")[2]
    return policy if policy == "None" else f"{policy} {endpoint.SecurityMode.name}"


def _require_same(device: BoundDevice, shown: bytes) -> None:
    """Compare the server's certificate with the one that is trusted; remember it where there is none yet."""
    file = server_certificate(device)
    try:
        trusted = _certificate(file).public_bytes(Encoding.DER) if file.exists() else None
        if trusted is None:
            file.parent.mkdir(parents=True, exist_ok=True)
            scratch = file.with_suffix(".new")
            scratch.write_bytes(shown)
            scratch.replace(file)
    except OSError as error:
        raise LostError(f"the server's certificate cannot be kept in {file}: {error.strerror}") from error
    if trusted is None:
        _log.info("server trusted from now on", device=device.id, thumbprint=thumbprint(shown), file=str(file))
    elif trusted != shown:
        remedy = "correct server_certificate" if device.device.server_certificate else f"delete {file}"
        raise LostError(
            f"{device.device.url} shows certificate {thumbprint(shown)}, but {thumbprint(trusted)} is trusted: "
            f"if the server's was renewed, {remedy}"
        )


def _own_files(device: BoundDevice) -> tuple[Path, Path]:
    """Certificate and private key of the gateway. Where the site file names none they are made, once."""
    given = device.device
    if given.certificate is not None and given.private_key is not None:
        return given.certificate, given.private_key
    certificate = own_certificate(device)
    folder = certificate.parent
    try:
        if not folder.exists():
            _make_own(folder, application_uri(device.site))
    except OSError as error:
        raise LostError(f"a certificate cannot be made in {folder}: {error.strerror}") from error
    return certificate, folder / "private_key.pem"


def _make_own(folder: Path, uri: str) -> None:
    """Key and certificate come into being together, under a name that is not there before both are complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname()
    key = generate_private_key()
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri), x509.DNSName(host)]
    certificate = generate_self_signed_app_certificate(
        key, f"swaptwin@{host}", {"organizationName": "swaptwin"}, names, [ExtendedKeyUsageOID.CLIENT_AUTH], VALID_DAYS
    )
    scratch = Path(tempfile.mkdtemp(prefix="own-", dir=folder.parent))
    try:
        descriptor = os.open(scratch / "private_key.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(dump_private_key_as_pem(key))
        der = certificate.public_bytes(Encoding.DER)
        (scratch / "certificate.der").write_bytes(der)
        try:
            scratch.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            return  # another device's adapter was faster
        _log.info("application certificate made", folder=str(folder), thumbprint=thumbprint(der))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _content(file: Path) -> tuple[bytes, str]:
    """What is in a file of a certificate or key, and whether that is PEM or DER, whatever its name says."""
    content = file.read_bytes()
    return content, "pem" if b"-----BEGIN" in content else "der"


def _certificate(file: Path) -> x509.Certificate:
    try:
        content, form = _content(file)
        return x509.load_pem_x509_certificate(content) if form == "pem" else x509.load_der_x509_certificate(content)
    except OSError as error:
        raise LostError(f"certificate {file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise LostError(f"{file} is no certificate: {error}") from error


def _require_valid(certificate: x509.Certificate, file: Path, now: float) -> None:
    if now > certificate.not_valid_after_utc.timestamp():
        raise LostError(f"certificate {file} ended on {certificate.not_valid_after_utc:%Y-%m-%d}: replace it")


def _uri_of(certificate: x509.Certificate, file: Path) -> str:
    """The application URI in a certificate: servers compare it with what the client calls itself."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        uris = []
    if not uris:
        raise LostError(f"certificate {file} has no application URI among its subject alternative names")
    return str(uris[0])


def _thumbprint_of(file: Path) -> str:
    try:
        return f" (thumbprint {thumbprint(_certificate(file).public_bytes(Encoding.DER))})"
    except LostError:
        return ""
