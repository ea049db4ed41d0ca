"""Identity providers from ``ringfence.toml`` in the shape that allauth reads."""

from collections.abc import Iterable

from ringfence.entry.settings import SingleSignOn


def single_sign_on(providers: Iterable[SingleSignOn]) -> dict[str, dict[str, object]]:
    """allauth's SOCIALACCOUNT_PROVIDERS. Assertions must be signed, and answers nobody asked for are refused."""
    found: dict[str, list[dict[str, object]]] = {"openid_connect": [], "saml": []}
    for one in providers:
        common = {"verified_email": True, "domains": [domain.lower() for domain in one.domains]}
        if one.kind == "oidc":
            found["openid_connect"].append(
                {
                    "provider_id": one.id,
                    "name": one.name,
                    "client_id": one.client_id,
                    "secret": one.client_secret,
                    "settings": {**common, "server_url": one.server_url, "oauth_pkce_enabled": True},
                }
            )
        else:
            found["saml"].append(
                {
                    "provider_id": one.id,
                    "name": one.name,
                    "client_id": one.id,
                    "settings": {
                        **common,
                        "idp": {"entity_id": one.entity_id, "sso_url": one.sso_url, "x509cert": one.certificate},
                        "advanced": {
                            "strict": True,
                            "want_attribute_statement": False,  # the address may stand in the NameID
                            "want_assertion_signed": True,
                            "reject_deprecated_algorithm": True,
                            "reject_idp_initiated_sso": True,
                            "allow_single_label_domains": True,
                        },
                    },
                }
            )
    return {kind: {"APPS": apps, "OAUTH_PKCE_ENABLED": True} for kind, apps in found.items()}
