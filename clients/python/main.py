"""Puts the identity assertion client of the Python SDK under test: connect, list the tools, call the first one.

The SDK discovers the AS, sends the jwt-bearer request and runs the MCP session. It leaves the token exchange at the
IdP to the application, so that leg is written here, after RFC 8693 and the ID-JAG draft. Where no AS issuer is
configured, this program learns it from the protected resource metadata, because the SDK demands one.
"""

import asyncio
import base64
import json
import os
import re
import sys
from typing import Any
from urllib.parse import quote_plus

import httpx2
from mcp import Client, MCPError
from mcp.client.auth import OAuthFlowError, OAuthTokenError
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    build_protected_resource_metadata_discovery_urls,
    extract_resource_metadata_from_www_auth,
    handle_auth_metadata_response,
    handle_protected_resource_response,
    validate_metadata_issuer,
)
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from mcp.shared.auth_utils import check_resource_allowed
from mcp_types import Implementation
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

FLOWS = ("auth/cross-app-access-complete-flow", "auth/enterprise-managed-authorization")
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
CLIENT = Implementation(name="crosscheck-client-python", version="1.0.0")
TIMEOUT = 30.0  # Seconds.


def main(url: str) -> int:
    """Runs the flow once, writes the outcome report where one is wanted, and returns the exit code."""
    context: dict = {}
    flow = Flow(url, context)
    try:
        if (name := os.environ.get("MCP_CONFORMANCE_SCENARIO")) not in FLOWS:
            raise ValueError(f"unknown flow {name}, this program knows {' and '.join(FLOWS)}")
        context |= json.loads(os.environ["MCP_CONFORMANCE_CONTEXT"])
        asyncio.run(flow.use_first_tool(os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION")))
        outcome = {"outcome": "authorized"}
        if flow.tokens and flow.tokens.scope:
            outcome["scope"] = flow.tokens.scope
    except Exception as error:
        outcome = shortened(refusal(root_cause(error), flow.step))
        line = ": ".join(outcome[part] for part in ("step", "error", "message") if outcome.get(part))
        print(printable(line, context), file=sys.stderr)
    if path := os.environ.get("CROSSCHECK_OUTCOME"):
        with open(path, "w", encoding="utf-8") as report:
            json.dump(outcome, report, separators=(",", ":"))
    return 0 if outcome["outcome"] == "authorized" else 1


class Flow:
    """One run of the flow: the SDK's token storage and assertion callback, and the step under way."""

    def __init__(self, url: str, context: dict) -> None:
        self.url = url
        self.context = context
        self.step: str | None = None
        self.tokens: OAuthToken | None = None

    async def use_first_tool(self, protocol_version: str | None) -> None:
        context = self.context
        self.step = "discovery"
        provider = IdentityAssertionOAuthProvider(
            server_url=self.url,
            storage=self,
            client_id=context["client_id"],
            client_secret=context["client_secret"],
            issuer=context.get("issuer") or await discover_issuer(self.url),
            assertion_provider=self.fetch_id_jag,
            scope=context.get("scope"),
            token_endpoint_auth_method=context.get("token_endpoint_auth_method", "client_secret_basic"),
        )
        async with httpx2.AsyncClient(auth=provider, timeout=TIMEOUT) as http:
            transport = streamable_http_client(self.url, http_client=http)
            async with Client(transport, client_info=CLIENT, mode=negotiation_mode(protocol_version)) as client:
                tools = (await client.list_tools()).tools
                if not tools:
                    raise LookupError("the server lists no tool")
                await client.call_tool(tools[0].name, {})

    async def fetch_id_jag(self, audience: str, resource: str) -> str:
        self.step = "token_exchange"
        async with httpx2.AsyncClient(timeout=TIMEOUT) as http:
            id_jag = await exchange_id_token(http, self.context, audience, resource)
        self.step = "jwt_bearer"
        return id_jag

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens
        self.step = "resource"

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        pass


def negotiation_mode(version: str | None) -> str:
    """The SDK's mode for `version`; its handshake offers the newest version of that era only."""
    if not version:
        return "auto"
    return "legacy" if version in HANDSHAKE_PROTOCOL_VERSIONS else version


async def discover_issuer(url: str) -> str:
    """The first authorization server that the MCP server's protected resource metadata names (RFC 9728)."""
    async with httpx2.AsyncClient(timeout=TIMEOUT) as http:
        challenge = extract_resource_metadata_from_www_auth(await http.get(url))
        for candidate in build_protected_resource_metadata_discovery_urls(challenge, url):
            metadata = await handle_protected_resource_response(await http.get(candidate))
            if metadata is None:
                continue
            if not check_resource_allowed(url, str(metadata.resource)):
                raise OAuthFlowError(f"the metadata at {candidate} describes another resource, {metadata.resource}")
            return str(metadata.authorization_servers[0])
    raise OAuthFlowError(f"no protected resource metadata for {url}")


async def discover_token_endpoint(http: httpx2.AsyncClient, issuer: str) -> str:
    """The token endpoint in the metadata of `issuer` (RFC 8414, OpenID Connect Discovery)."""
    for candidate in build_oauth_authorization_server_metadata_discovery_urls(issuer, issuer):
        _, metadata = await handle_auth_metadata_response(await http.get(candidate))
        if metadata is not None:
            validate_metadata_issuer(metadata, issuer)
            return str(metadata.token_endpoint)
    raise OAuthFlowError(f"no authorization server metadata for {issuer}")


async def exchange_id_token(http: httpx2.AsyncClient, context: dict, audience: str, resource: str) -> str:
    """Exchanges the ID token for an ID-JAG at the IdP (RFC 8693 section 2, as the ID-JAG draft narrows it)."""
    endpoint = context.get("idp_token_endpoint") or await discover_token_endpoint(http, context["idp_issuer"])
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "requested_token_type": ID_JAG,
        "subject_token": context["idp_id_token"],
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "audience": audience,
        "resource": context.get("resource", resource),
    }
    if scope := context.get("scope"):
        form["scope"] = scope
    headers = {"Accept": "application/json"}
    authenticate_at_idp(context, form, headers)

    response = await http.post(endpoint, data=form, headers=headers)
    body = json_object(response.text)
    if not response.is_success or "error" in body:
        raise ExchangeRefused(response.status_code, response.text)
    if body.get("issued_token_type") != ID_JAG:
        raise ValueError("the IdP issued no ID-JAG")
    id_jag = body.get("access_token")
    if not isinstance(id_jag, str) or not id_jag:
        raise ValueError("the IdP's answer holds no token")
    return id_jag


def authenticate_at_idp(context: dict, form: dict, headers: dict) -> None:
    """Adds the client's credentials by the registered method, Basic if none is named (RFC 6749 section 2.3.1)."""
    client_id, secret = context["idp_client_id"], context.get("idp_client_secret")
    method = context.get("idp_token_endpoint_auth_method", "client_secret_basic" if secret else "none")
    if method == "none":
        form["client_id"] = client_id
    elif method == "client_secret_post":
        form |= {"client_id": client_id, "client_secret": secret}
    elif method == "client_secret_basic":
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        raise ValueError(f"this program cannot authenticate at the IdP by {method}")


class ExchangeRefused(Exception):
    """The IdP answered the token exchange with an error."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"the IdP refused the token exchange ({status})")
        self.status = status
        self.body = body


def refusal(error: BaseException, step: str | None) -> dict:
    """The outcome report of a failed run: the error, taken apart as far as its fields and its text allow."""
    report = {"outcome": "refused", "message": f"{type(error).__name__}: {error}"} | ({"step": step} if step else {})
    if isinstance(error, ExchangeRefused):
        return report | error_answer(error.status, error.body)
    if isinstance(error, OAuthTokenError):
        # The SDK quotes status and body of the AS's answer in the text of its error and has no fields for them.
        answer = re.match(r"Token exchange failed \((\d{3})\)(?: \(redirected .*?\))?: (.*)", str(error), re.DOTALL)
        return report | {"step": "jwt_bearer"} | (error_answer(int(answer[1]), answer[2]) if answer else {})
    if isinstance(error, MCPError):
        return report | {"step": "resource"}
    return report


def error_answer(status: int, body: str) -> dict:
    """The members of an OAuth error answer (RFC 6749 section 5.2); a token is nothing to report."""
    members = {name: value for name, value in json_object(body).items() if not name.endswith("_token")}
    texts = {name: members.pop(name) for name in ("error", "error_description", "error_uri") if name in members}
    named = {name: text for name, text in texts.items() if isinstance(text, str)}
    return {"status": status, **named, **({"members": members} if members else {})}


def json_object(text: str) -> dict:
    try:
        value = json.loads(text, parse_constant=int)  # `int` refuses NaN and Infinity, which are not JSON.
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def root_cause(error: BaseException) -> BaseException:
    """The first error inside the groups that the SDK's tasks wrap around it, an OAuth error before any other."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [root_cause(inner) for inner in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, (ExchangeRefused, OAuthFlowError))), causes[0])


def shortened(value: Any) -> Any:
    """The texts of a report as the SDK has them, none longer than 16,384 characters."""
    if isinstance(value, str):
        return value[:16384]
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    return value


def printable(text: str, context: dict) -> str:
    """The first line of a text, at most 300 characters, without control characters and echoed tokens or secrets.

    Later lines are left out because the SDK's validation errors quote the values there.
    """
    line = "".join(char if char.isprintable() else " " for char in re.split(r"[\r\n]", text, maxsplit=1)[0])
    for secret in filter(None, (context.get("client_secret"), context.get("idp_client_secret"))):
        line = line.replace(secret, "[secret]")
    return re.sub(r"eyJ[\w-]+(\.[\w-]+)*", "[token]", line)[:300]


if __name__ == "__main__":
    sys.exit(main(sys.argv[-1]))
