#!/usr/bin/env python3
"""An OpenID issuer that signs whatever it is told to, with PyJWT: honest or hostile.

    issuer.py            prints its address as one line of JSON, and serves until killed

Beside the usual addresses of an issuer it has, for the test alone:
    POST /make   {"how": …, "claims": {…}, "header": {…}}   a token, as text
    POST /next   {"id_token": …, "userinfo": {…}}            what its token endpoint answers next
    POST /rotate                                             a new key in place of the old one
    GET  /asked                                              how often each address was asked
"""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import urllib.parse

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm


def new_rsa():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Keys:
    def __init__(self):
        self.rsa, self.other = new_rsa(), new_rsa()
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.ed = ed25519.Ed25519PrivateKey.generate()
        self.kid, self.number = "rsa-1", 1
        self.withdrawn = (self.rsa, self.kid)

    def rotate(self):
        self.withdrawn = (self.rsa, self.kid)
        self.rsa, self.number = new_rsa(), self.number + 1
        self.kid = f"rsa-{self.number}"

    def published(self):
        keys = [
            (RSAAlgorithm.to_jwk(self.rsa.public_key()), self.kid, "RS256"),
            (ECAlgorithm.to_jwk(self.ec.public_key()), "ec-1", "ES256"),
            (OKPAlgorithm.to_jwk(self.ed.public_key()), "ed-1", "EdDSA"),
        ]
        listed = [dict(json.loads(key), kid=kid, alg=alg, use="sig") for key, kid, alg in keys]
        # What cannot check a signature of ours must not spoil the rest.
        listed += [{"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}, {"kty": "new", "kid": "new"}]
        return {"keys": listed}

    def public_pem(self):
        return self.rsa.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def part(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def unsigned(header, claims):
    return part(json.dumps(header).encode()) + b"." + part(json.dumps(claims).encode())


def make(keys, how, claims, header):
    """Returns a token signed as `how` says."""
    signers = {
        "RS256": (keys.rsa, "RS256", keys.kid),
        "PS256": (keys.rsa, "PS256", keys.kid),
        "ES256": (keys.ec, "ES256", "ec-1"),
        "EdDSA": (keys.ed, "EdDSA", "ed-1"),
        # Signed by the key that the last rotation took away.
        "withdrawn": (keys.withdrawn[0], "RS256", keys.withdrawn[1]),
        # Signed by somebody else under the name of the issuer's key.
        "stranger": (keys.other, "RS256", keys.kid),
    }
    if how in signers:
        key, alg, kid = signers[how]
        headers = {key: value for key, value in {"kid": kid, **header}.items() if value is not None}
        if "kid" in header and header["kid"] is None:
            headers.pop("kid", None)
        return jwt.encode(claims, key, algorithm=alg, headers=headers)
    if how == "none":
        return (unsigned({"alg": "none", "kid": keys.kid, **header}, claims) + b".").decode()
    if how == "HS256-with-the-public-key":
        message = unsigned({"alg": "HS256", "typ": "JWT", "kid": keys.kid, **header}, claims)
        mac = hmac.new(keys.public_pem(), message, hashlib.sha256).digest()
        return (message + b"." + part(mac)).decode()
    if how == "tampered":
        token = jwt.encode(claims, keys.rsa, algorithm="RS256", headers={"kid": keys.kid})
        head, _, signature = token.split(".")
        body = part(json.dumps({**claims, "sub": "admin"}).encode()).decode()
        return f"{head}.{body}.{signature}"
    if how == "brings-its-own-key":
        own = json.loads(RSAAlgorithm.to_jwk(keys.other.public_key()))
        headers = {"jwk": own, "kid": "own", **header}
        return jwt.encode(claims, keys.other, algorithm="RS256", headers=headers)
    raise ValueError(how)


KEYS, NEXT, ASKED, LOCK = Keys(), {}, {}, threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def read(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(address.query))
        with LOCK:
            ASKED[address.path] = ASKED.get(address.path, 0) + 1
        base = f"http://127.0.0.1:{self.server.server_port}"
        if NEXT.get("fails") and address.path != "/asked":
            return self.answer(503, {})
        if address.path == "/.well-known/openid-configuration":
            return self.answer(200, {
                "issuer": NEXT.get("issuer", base),
                "jwks_uri": base + "/keys",
                "authorization_endpoint": base + "/authorize",
                "token_endpoint": base + "/token",
                "userinfo_endpoint": base + "/userinfo",
                "code_challenge_methods_supported": NEXT.get("challenges", ["S256"]),
                **NEXT.get("description", {}),
            })
        if address.path == "/keys":
            return self.answer(200, KEYS.published())
        if address.path == "/userinfo":
            return self.answer(200, NEXT.get("userinfo", {}))
        if address.path == "/idtoken":
            # As GitHub Actions does it: its own bearer, and the audience in the query.
            if self.headers.get("Authorization") != "Bearer runner-request-token":
                return self.answer(401, {"message": "bad token"})
            claims = {**NEXT.get("job", {}), "aud": query.get("audience", "")}
            return self.answer(200, {"value": make(KEYS, "RS256", claims, {})})
        if address.path == "/asked":
            return self.answer(200, ASKED)
        return self.answer(404, {})

    def do_POST(self):
        body = self.read()
        if self.path == "/token":
            form = dict(urllib.parse.parse_qsl(body.decode()))
            if form.get("grant_type") != "authorization_code" or not form.get("code_verifier"):
                return self.answer(400, {"error": "invalid_grant"})
            NEXT["form"] = form
            return self.answer(200, {
                "access_token": "access", "token_type": "Bearer", "id_token": NEXT["id_token"],
            })
        if self.path == "/make":
            wanted = json.loads(body)
            return self.answer(200, make(KEYS, wanted["how"], wanted["claims"], wanted.get("header") or {}))
        if self.path == "/next":
            NEXT.update(json.loads(body))
            return self.answer(200, {})
        if self.path == "/rotate":
            KEYS.rotate()
            return self.answer(200, {})
        return self.answer(404, {})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"issuer": f"http://127.0.0.1:{server.server_port}"}), flush=True)
server.serve_forever()
