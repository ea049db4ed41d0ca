"""A SAML identity provider (pysaml2, signed by xmlsec1) as a process: ``python -m tests.support.saml_server FOLDER``.

Reads one JSON object a line and answers with one base64 response a line. The first line it prints is its certificate.
"""

import base64
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

from saml2 import saml  # noqa: E402 (after the filter above)
from saml2.config import IdPConfig  # noqa: E402 (after the filter above)
from saml2.server import Server  # noqa: E402 (after the filter above)
from saml2.xmldsig import DIGEST_SHA1, DIGEST_SHA256, SIG_RSA_SHA1, SIG_RSA_SHA256  # noqa: E402 (after the filter above)

ENTITY = "https://idp.barford.example/metadata"


def make_key(folder: Path, name: str) -> tuple[str, str]:
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subject = "/CN=idp.barford.example"
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj {subject} -keyout {key} -out {certificate}"
    subprocess.run(make.split(), check=True, capture_output=True)
    return str(key), str(certificate)


def provider(key: str, certificate: str, minutes: int) -> Server:
    config = IdPConfig()
    config.load(
        {
            "entityid": ENTITY,
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "key_file": key,
            "cert_file": certificate,
            "service": {
                "idp": {
                    "endpoints": {"single_sign_on_service": []},
                    "policy": {
                        "default": {"lifetime": {"minutes": minutes}, "attribute_restrictions": None, "name_form": ""}
                    },
                }
            },
        }
    )
    return Server(config=config)


def algorithms(fault: str) -> dict[str, str]:
    if fault == "old_algorithm":
        return {"sign_alg": SIG_RSA_SHA1, "digest_alg": DIGEST_SHA1}
    return {"sign_alg": SIG_RSA_SHA256, "digest_alg": DIGEST_SHA256}


def main() -> None:
    folder = Path(sys.argv[1])
    sound, other = make_key(folder, "sound"), make_key(folder, "other")
    print("".join(Path(sound[1]).read_text().splitlines()[1:-1]), flush=True)
    servers = {"none": provider(*sound, 15), "signature": provider(*other, 15), "expired": provider(*sound, -60)}
    for line in sys.stdin:
        asked = json.loads(line)
        fault = asked["fault"]
        response = servers.get(fault, servers["none"]).create_authn_response(
            identity={"mail": [asked["email"]]},
            in_response_to=asked["in_response_to"],
            destination=asked["acs"],
            sp_entity_id="https://somebody.example" if fault == "audience" else asked["audience"],
            name_id=saml.NameID(format=saml.NAMEID_FORMAT_EMAILADDRESS, text=asked["email"]),
            userid=asked["email"],
            authn={"class_ref": saml.AUTHN_PASSWORD_PROTECTED, "authn_auth": ENTITY},
            sign_assertion=True,
            sign_response=False,
            **algorithms(fault),
        )
        text = str(response)
        if fault == "unsigned":
            text = re.sub(r"<ns2:Signature .*</ns2:Signature>", "", text, flags=re.DOTALL)
        if fault == "altered":
            text = text.replace(asked["email"], "head.of.service@centre.example")
        print(base64.b64encode(text.encode()).decode(), flush=True)


if __name__ == "__main__":
    main()
