//! Drives the Rust MCP SDK's enterprise-managed authorization through one flow.
//!
//! Follows the client contract of the official MCP suite: the MCP server's URL is the last argument, the
//! registrations come in `MCP_CONFORMANCE_CONTEXT`, exit status 0 says that the tool was called. What rmcp tells
//! its caller about a refusal goes to the file named by `CROSSCHECK_OUTCOME`.
//!
//! Everything on the wire is rmcp's doing. The program only decides what rmcp leaves to its caller: where the
//! metadata is looked up, and which registered client authentication method is used.

use std::{env, error::Error, fs, iter, process::ExitCode};

use oauth2::ClientSecret;
use rmcp::{
    RoleClient,
    model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion},
    service::{ClientInitializeError, ClientLifecycleMode, ClientServiceExt, RunningService, ServiceError},
    transport::{
        AuthorizationManager, StreamableHttpClientTransport,
        auth::{
            AuthError, AuthorizationMetadata, default_oauth_http_client,
            enterprise::{EmaAuthorizationServer, EmaClientAuthentication, EmaError, EmaExchangeRequest},
        },
        streamable_http_client::{AuthRequiredError, StreamableHttpClientTransportConfig},
    },
};
use serde::{Deserialize, Serialize};

const FLOWS: [&str; 2] = ["auth/cross-app-access-complete-flow", "auth/enterprise-managed-authorization"];

/// What the client was given at its two registrations and at sign-on.
#[derive(Deserialize)]
struct Context {
    client_id: String,
    client_secret: Option<String>,
    token_endpoint_auth_method: Option<String>,
    idp_client_id: String,
    idp_client_secret: Option<String>,
    idp_token_endpoint_auth_method: Option<String>,
    idp_id_token: String,
    idp_issuer: String,
    /// Absent: found from `idp_issuer`.
    idp_token_endpoint: Option<String>,
    /// The authorization server that `client_id` is registered with; absent: whichever the MCP server names.
    issuer: Option<String>,
    /// Absent: the MCP server's URL.
    resource: Option<String>,
    /// Absent: what the challenge, else the protected resource metadata, asks for.
    scope: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    Authorized {
        #[serde(skip_serializing_if = "String::is_empty")]
        scope: String,
    },
    Refused(Refusal),
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Discovery,
    TokenExchange,
    JwtBearer,
    Resource,
}

/// Where the flow ended, and what rmcp says about it.
#[derive(Serialize)]
struct Refusal {
    step: Step,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    message: String,
}

impl Refusal {
    fn new(step: Step, message: impl Into<String>) -> Self {
        Self { step, error: None, status: None, message: message.into() }
    }

    fn discovery(error: AuthError) -> Self {
        Self::new(Step::Discovery, chain(&error))
    }

    fn resource(error: impl Error + 'static) -> Self {
        Self::new(Step::Resource, chain(&error))
    }

    /// Of an error answer rmcp keeps a known code, and the status for most of them.
    fn exchange(step: Step, error: EmaError) -> Self {
        let mut refusal = Self::new(step, chain(&error));
        (refusal.error, refusal.status) = match error {
            EmaError::InvalidGrant(_) => (Some("invalid_grant"), None),
            EmaError::InsufficientUserAuthentication(_) => (Some("insufficient_user_authentication"), None),
            // In place of a code it does not know, rmcp puts a sentence.
            EmaError::OAuthRejected { status, code, .. } => {
                (Some(code).filter(|code| !code.contains(' ')), Some(status))
            }
            _ => (None, None),
        };
        refusal
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match drive().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{}", message.replace(char::is_control, " "));
            ExitCode::FAILURE
        }
    }
}

async fn drive() -> Result<(), String> {
    if let Ok(scenario) = env::var("MCP_CONFORMANCE_SCENARIO")
        && !FLOWS.contains(&scenario.as_str())
    {
        return Err(format!("unknown scenario `{scenario}`"));
    }
    let url = env::args().skip(1).last().ok_or("the MCP server's URL is missing")?;
    let context =
        env::var("MCP_CONFORMANCE_CONTEXT").map_err(|error| format!("MCP_CONFORMANCE_CONTEXT: {error}"))?;
    let context =
        serde_json::from_str(&context).map_err(|error| format!("MCP_CONFORMANCE_CONTEXT: {error}"))?;

    let (outcome, result) = match run(&url, context).await {
        Ok(scope) => (Outcome::Authorized { scope }, Ok(())),
        Err(refusal) => {
            let message = refusal.message.clone();
            (Outcome::Refused(refusal), Err(message))
        }
    };
    if let Some(path) = env::var_os("CROSSCHECK_OUTCOME") {
        let report = serde_json::to_vec(&outcome).map_err(|error| error.to_string())?;
        fs::write(path, report).map_err(|error| format!("CROSSCHECK_OUTCOME: {error}"))?;
    }
    result
}

/// Challenge, discovery, both exchanges, then the tool; returns the granted scope.
async fn run(url: &str, context: Context) -> Result<String, Refusal> {
    let challenge = match connect(url, None).await {
        Ok(_) => return Err(Refusal::new(Step::Resource, "the server asks for no token")),
        // Without a challenge discovery starts from the well-known places; a server that is out of order shows there.
        Err(error) => challenge(&error),
    };
    let (token, scope) = authorize(url, context, challenge.as_deref()).await?;
    let mut client = connect(url, Some(token)).await.map_err(Refusal::resource)?;
    let called = call_first_tool(&client).await.map_err(Refusal::resource);
    // A failure to take leave says nothing about the authorization.
    let _ = client.close().await;
    called.map(|()| scope)
}

async fn authorize(
    url: &str,
    context: Context,
    challenge: Option<&str>,
) -> Result<(String, String), Refusal> {
    let resource = context.resource.as_deref().unwrap_or(url);
    let (resource_as, discovered_scopes) = resource_as(url, &context, challenge).await?;
    let idp = idp(&context).await?;
    let scopes = match &context.scope {
        Some(scope) => scope.split_whitespace().map(str::to_owned).collect(),
        None => discovered_scopes,
    };

    let http = default_oauth_http_client().map_err(Refusal::discovery)?;
    let token = EmaExchangeRequest::new_with_id_token(idp, resource_as, resource, &context.idp_id_token)
        .with_scopes(scopes)
        .exchange_id_jag(&http)
        .await
        .map_err(|error| Refusal::exchange(Step::TokenExchange, error))?
        .exchange(&http)
        .await
        .map_err(|error| Refusal::exchange(Step::JwtBearer, error))?;

    let mut granted: Vec<_> = token.scopes.into_iter().collect();
    granted.sort();
    Ok((token.access_token.into_secret(), granted.join(" ")))
}

/// The authorization server that the MCP server names, with the scopes to ask for.
async fn resource_as(
    url: &str,
    context: &Context,
    challenge: Option<&str>,
) -> Result<(EmaAuthorizationServer, Vec<String>), Refusal> {
    let mut manager = AuthorizationManager::new(url).await.map_err(Refusal::discovery)?;
    let found = manager.resolve_metadata_from_challenge(challenge).await.map_err(Refusal::discovery)?;
    // Without metadata rmcp makes endpoints up; a pre-registered credential may not go there.
    let issuer = found
        .metadata
        .issuer
        .clone()
        .filter(|_| found.source.is_discovered())
        .ok_or_else(|| Refusal::new(Step::Discovery, "no authorization server metadata found"))?;
    if context.issuer.as_ref().is_some_and(|own| *own != issuer) {
        return Err(Refusal::new(Step::Discovery, format!("the client is not registered with {issuer}")));
    }

    let method = context.token_endpoint_auth_method.as_deref().or_else(|| offered_method(&found.metadata));
    let authentication = authentication(method, context.client_secret.as_deref())
        .map_err(|message| Refusal::new(Step::Discovery, message))?;
    let server = EmaAuthorizationServer::new(issuer, &found.metadata.token_endpoint, &context.client_id)
        .with_client_authentication(authentication);

    manager.set_metadata(found.metadata);
    Ok((server, manager.select_initial_scopes(&[]).await))
}

async fn idp(context: &Context) -> Result<EmaAuthorizationServer, Refusal> {
    let token_endpoint = match &context.idp_token_endpoint {
        Some(endpoint) => endpoint.clone(),
        None => idp_token_endpoint(&context.idp_issuer).await?,
    };
    let authentication = authentication(
        context.idp_token_endpoint_auth_method.as_deref(),
        context.idp_client_secret.as_deref(),
    )
    .map_err(|message| Refusal::new(Step::Discovery, message))?;
    Ok(EmaAuthorizationServer::new(&context.idp_issuer, token_endpoint, &context.idp_client_id)
        .with_client_authentication(authentication))
}

/// rmcp's discovery starts from a protected resource, so the issuer is first asked for a challenge.
async fn idp_token_endpoint(issuer: &str) -> Result<String, Refusal> {
    let found = AuthorizationManager::new(issuer)
        .await
        .map_err(Refusal::discovery)?
        .resolve_metadata()
        .await
        .map_err(Refusal::discovery)?;
    if !found.source.is_discovered() {
        return Err(Refusal::new(Step::Discovery, "no IdP metadata found"));
    }
    Ok(found.metadata.token_endpoint)
}

/// The method to use where none is registered: one that needs only a secret, if it is listed.
fn offered_method(metadata: &AuthorizationMetadata) -> Option<&str> {
    let listed = metadata.additional_fields.get("token_endpoint_auth_methods_supported")?.as_array()?;
    ["client_secret_basic", "client_secret_post"]
        .into_iter()
        .find(|method| listed.iter().any(|entry| entry == method))
        .or_else(|| listed.first()?.as_str())
}

/// Silence means client_secret_basic (RFC 7591 section 2); a client without a secret is public.
fn authentication(method: Option<&str>, secret: Option<&str>) -> Result<EmaClientAuthentication, String> {
    let Some(secret) = secret.map(|secret| ClientSecret::new(secret.to_owned())) else {
        return Ok(EmaClientAuthentication::None);
    };
    match method.unwrap_or("client_secret_basic") {
        "client_secret_basic" => Ok(EmaClientAuthentication::ClientSecretBasic(secret)),
        "client_secret_post" => Ok(EmaClientAuthentication::ClientSecretPost(secret)),
        "none" => Ok(EmaClientAuthentication::None),
        other => Err(format!("a secret does not serve for `{other}`")),
    }
}

type Client = RunningService<RoleClient, ClientConfig>;

async fn connect(url: &str, token: Option<String>) -> Result<Client, ClientInitializeError> {
    let mut transport = StreamableHttpClientTransportConfig::with_uri(url);
    transport.auth_header = token;
    let version = protocol_version();
    let lifecycle = if version.has_initialize() {
        ClientLifecycleMode::Initialize
    } else {
        ClientLifecycleMode::Discover { preferred_versions: vec![version.clone()] }
    };
    let implementation = Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    ClientConfig::new(ClientCapabilities::default(), implementation)
        .with_protocol_version(version)
        .serve_with_lifecycle(StreamableHttpClientTransport::from_config(transport), lifecycle)
        .await
}

fn protocol_version() -> ProtocolVersion {
    let wanted = env::var("MCP_CONFORMANCE_PROTOCOL_VERSION").unwrap_or_default();
    ProtocolVersion::KNOWN_VERSIONS
        .iter()
        .find(|version| version.as_str() == wanted)
        .unwrap_or(&ProtocolVersion::LATEST_WITH_INITIALIZE)
        .clone()
}

async fn call_first_tool(client: &Client) -> Result<(), ServiceError> {
    let tools = client.list_all_tools().await?;
    if let Some(tool) = tools.into_iter().next() {
        client.call_tool(CallToolRequestParams::new(tool.name)).await?;
    }
    Ok(())
}

/// The `WWW-Authenticate` value of the 401 that ended the connection, if that is what ended it.
fn challenge(error: &ClientInitializeError) -> Option<String> {
    let ClientInitializeError::TransportError { error, .. } = error else {
        return None;
    };
    causes(error.error.as_ref())
        .find_map(|cause| cause.downcast_ref::<AuthRequiredError>())
        .map(|challenge| challenge.www_authenticate_header.clone())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<_> = causes(error).map(ToString::to_string).collect();
    texts.join(": ")
}
