// Puts the cross-app access client of the TypeScript SDK under test: connect, list the tools, call one; or make the
// calls that the context lists, in order.
//
// Discovery, both token requests, client authentication and retries are the SDK's own. This program hands over what
// it was configured with and reports what the SDK tells its caller; it reads nothing off the wire.

import { writeFileSync } from 'node:fs';

import {
    Client,
    CrossAppAccessProvider,
    OAuthError,
    SUPPORTED_PROTOCOL_VERSIONS,
    SdkHttpError,
    StreamableHTTPClientTransport,
    createPrivateKeyJwtAuth,
    discoverAndRequestJwtAuthGrant,
    requestJwtAuthorizationGrant
} from '@modelcontextprotocol/client';

const FLOWS = ['auth/cross-app-access-complete-flow', 'auth/enterprise-managed-authorization'];

/** Runs the flow once, writes the outcome report where one is wanted, and returns the exit code. */
async function main(url, env) {
    const progress = {};
    let context = {};
    let outcome;
    try {
        if (!FLOWS.includes(env.MCP_CONFORMANCE_SCENARIO)) {
            throw new Error(`unknown flow ${env.MCP_CONFORMANCE_SCENARIO}, this program knows ${FLOWS.join(' and ')}`);
        }
        context = JSON.parse(env.MCP_CONFORMANCE_CONTEXT);
        const provider = await makeCalls(context.calls ?? [{ url }], context, progress, env);
        outcome = { outcome: 'authorized', scope: provider.tokens()?.scope };
    } catch (error) {
        outcome = shortened(refusal(error, progress.step));
        const line = [outcome.step, outcome.error, outcome.message].filter(Boolean).join(': ');
        console.error(printable(line, context));
    }
    if (env.CROSSCHECK_OUTCOME) {
        writeFileSync(env.CROSSCHECK_OUTCOME, JSON.stringify(outcome));
    }
    return outcome.outcome === 'authorized' ? 0 : 1;
}

/** Makes the calls in order, with one provider for each server and user; returns the last one. */
async function makeCalls(calls, context, progress, env) {
    const providers = new Map();
    let provider;
    for (const { url, tool, id_token, ...registration } of calls) {
        const idToken = id_token ?? context.idp_id_token;
        const key = `${url} ${idToken}`;
        provider = providers.get(key) ?? new ConfiguredProvider({ ...context, ...registration, idp_id_token: idToken }, progress);
        providers.set(key, provider);
        progress.step = 'discovery';
        await useTool(url, provider, env.MCP_CONFORMANCE_PROTOCOL_VERSION, tool);
    }
    return provider;
}

/** The SDK's provider, with the client's registrations; keeps `progress.step` at the exchange under way. */
class ConfiguredProvider extends CrossAppAccessProvider {
    constructor(context, progress) {
        super({
            clientId: context.client_id,
            clientSecret: context.client_secret,
            expectedIssuer: context.issuer,
            assertion: async target => {
                progress.step = 'token_exchange';
                const { jwtAuthGrant } = await requestGrant(context, target);
                progress.step = 'jwt_bearer';
                return jwtAuthGrant;
            }
        });
        this.context = context;
        this.progress = progress;
        if (context.token_endpoint_auth_method === 'private_key_jwt') {
            this.addClientAuthentication = createPrivateKeyJwtAuth({
                issuer: context.client_id,
                subject: context.client_id,
                privateKey: context.private_key_pem,
                alg: context.signing_algorithm
            });
        }
    }

    get clientMetadata() {
        return { ...super.clientMetadata, scope: this.context.scope };
    }

    clientInformation() {
        return { ...super.clientInformation(), token_endpoint_auth_method: this.context.token_endpoint_auth_method };
    }

    saveTokens(tokens) {
        super.saveTokens(tokens);
        this.progress.step = 'resource';
    }
}

/** Exchanges the ID token for an ID-JAG, at the configured endpoint or at the one that the IdP's issuer leads to. */
function requestGrant(context, target) {
    const options = {
        audience: target.authorizationServerUrl,
        resource: context.resource ?? target.resourceUrl,
        idToken: context.idp_id_token,
        clientId: context.idp_client_id,
        clientSecret: context.idp_client_secret,
        scope: target.scope,
        fetchFn: target.fetchFn
    };
    return context.idp_token_endpoint
        ? requestJwtAuthorizationGrant({ ...options, tokenEndpoint: context.idp_token_endpoint })
        : discoverAndRequestJwtAuthGrant({ ...options, idpUrl: context.idp_issuer });
}

/** Connects, lists the tools, and calls `tool`, or the first one. */
async function useTool(url, authProvider, protocolVersion, tool) {
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
    const client = new Client({ name: 'crosscheck-client-typescript', version: '1.0.0' }, negotiation(protocolVersion));
    try {
        await client.connect(transport);
        const { tools } = await client.listTools();
        if (tools.length === 0) {
            throw new Error('the server lists no tool');
        }
        await client.callTool({ name: tool ?? tools[0].name, arguments: {} });
        await transport.terminateSession();
    } finally {
        await client.close();
    }
}

/** The SDK's options that make it offer `version`; its defaults where none is asked for. */
function negotiation(version) {
    if (!version) {
        return {};
    }
    return SUPPORTED_PROTOCOL_VERSIONS.includes(version)
        ? { supportedProtocolVersions: [version, ...SUPPORTED_PROTOCOL_VERSIONS] }
        : { versionNegotiation: { mode: { pin: version } } };
}

/** The outcome report of a failed run: the SDK's error, taken apart as far as its fields and its texts allow. */
function refusal(error, step) {
    const errors = causes(error);
    const message = errors.map(cause => cause.message ?? String(cause)).join(': ');
    const report = { outcome: 'refused', step, message };

    const oauth = errors.find(cause => cause instanceof OAuthError);
    if (oauth) {
        const unreadable = /^HTTP (\d{3}): Invalid OAuth error response/.exec(oauth.message);
        return {
            ...report,
            step: 'jwt_bearer',
            error: oauth.code,
            error_description: unreadable || oauth.message === oauth.code ? undefined : oauth.message,
            error_uri: oauth.errorUri,
            status: unreadable ? Number(unreadable[1]) : undefined,
            members: unreadable ? members(oauth.message.split('Raw body: ').at(-1)) : undefined
        };
    }
    const http = errors.find(cause => cause instanceof SdkHttpError);
    if (http) {
        return { ...report, step: 'resource', status: http.status };
    }
    // The token exchange function throws plain errors; the code, or else the status, stands only in their text.
    const exchange = /^Token exchange failed(?: with status (\d{3}): (.*)$|: (.+?)(?: - (.*))?$)/s.exec(message);
    if (step === 'token_exchange' && exchange) {
        const [, status, body, code, description] = exchange;
        return {
            ...report,
            error: code,
            error_description: description,
            status: status && Number(status),
            members: body && members(body)
        };
    }
    return report;
}

/** What stands beside the code and its description in an answer that the SDK quotes. */
function members(body) {
    try {
        const { error, error_description, error_uri, ...others } = JSON.parse(body);
        return Array.isArray(others) ? undefined : others;
    } catch {
        return undefined;
    }
}

function causes(error) {
    const chain = [];
    for (let cause = error; cause != null && !chain.includes(cause); cause = cause.cause) {
        chain.push(cause);
    }
    return chain;
}

/** The texts of a report as the SDK has them, none longer than 16,384 characters. */
function shortened(value) {
    if (typeof value === 'string') {
        return value.slice(0, 16384);
    }
    if (Array.isArray(value)) {
        return value.map(shortened);
    }
    return value && typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shortened(item)]))
        : value;
}

/** A text as one line of at most 300 characters, without control characters and echoed tokens or secrets. */
function printable(text, context) {
    let line = text.replace(/[\p{C}\s]+/gu, ' ');
    for (const secret of [context.client_secret, context.idp_client_secret].filter(Boolean)) {
        line = line.replaceAll(secret, '[secret]');
    }
    return line.replace(/eyJ[\w-]+(\.[\w-]+)*/g, '[token]').slice(0, 300);
}

process.exitCode = await main(process.argv.at(-1), process.env);
