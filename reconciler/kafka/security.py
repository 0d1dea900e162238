"""From the settings PROFILE_KAFKA_… to the security arguments that aiokafka's clients share."""

import ssl

from schemas.settings import SettingsError, Shared


def security_options(settings: Shared) -> dict[str, object]:
    """Keyword arguments of an aiokafka client. Raises `SettingsError` where a certificate cannot be used."""
    options: dict[str, object] = {"security_protocol": settings.kafka_security_protocol}
    if settings.kafka_uses_sasl:
        password = settings.kafka_sasl_password
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": password.get_secret_value() if password is not None else None,
        }
    if settings.kafka_uses_tls:
        options["ssl_context"] = _context(settings)
    return options


def _context(settings: Shared) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
    except ssl.SSLError as error:
        raise SettingsError(
            [f"PROFILE_KAFKA_SSL_CAFILE: holds no certificate ({error.reason}); name a PEM file"]
        ) from error
    if settings.kafka_ssl_certfile is not None:
        try:
            context.load_cert_chain(settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile)
        except ssl.SSLError as error:
            raise SettingsError(
                [
                    "PROFILE_KAFKA_SSL_CERTFILE: certificate and key do not fit each other "
                    f"({error.reason}); name a PEM pair, the key without a passphrase"
                ]
            ) from error
    return context
