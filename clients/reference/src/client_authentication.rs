//! Client authentication at both token endpoints: which method, and how it is written.
//!
//! RFC 6749 section 2.3, RFC 7523 section 2.2, RFC 8414 section 2. A registered method outranks metadata;
//! metadata without a list means client_secret_basic; without a common method the secret stays where it is.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::authorization_server::AuthorizationServer;
use crate::client::Client;
use crate::outcome::{Cause, is_refusal};
use crate::token_endpoint::TokenRequest;
use crate::{Control, Fault};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The server at which a client is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    Idp,
    As,
}

/// A client authentication method, as metadata and registrations name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    None,
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
}

/// What one server knows the client by, and what the client proves it with.
#[derive(Clone)]
pub(crate) struct Registration<'a> {
    pub(crate) party: Party,
    pub(crate) issuer: &'a str,
    pub(crate) client_id: Cow<'a, str>,
    pub(crate) secret: Option<&'a str>,
    pub(crate) key_pem: Option<&'a str>,
    pub(crate) algorithm: Option<&'a str>,
    pub(crate) method: Option<Method>,
}

impl Registration<'_> {
    /// The methods for which it holds a credential, the preferred one first.
    fn methods(&self) -> impl Iterator<Item = Method> {
        let secret = self.secret.map(|_| [Method::ClientSecretBasic, Method::ClientSecretPost]);
        let key = self.key_pem.map(|_| Method::PrivateKeyJwt);
        secret.into_iter().flatten().chain(key)
    }

    /// The method at a server that is not asked for the methods it supports.
    pub(crate) fn own_method(&self) -> Method {
        self.method.or_else(|| self.methods().next()).unwrap_or(Method::None)
    }

    fn required_secret(&self) -> Result<&str, Cause> {
        self.secret
            .ok_or_else(|| Cause::Unusable("a method with a secret is registered, and none is held".into()))
    }
}

impl Client {
    /// The method at the resource authorization server.
    pub(crate) fn method_at_as(
        &self,
        registration: &Registration<'_>,
        server: &AuthorizationServer,
    ) -> Result<Method, Cause> {
        let listed = Some(server.strings("token_endpoint_auth_methods_supported"));
        let listed = listed.filter(|methods| !methods.is_empty());
        if let Some(method) = self.wrong_method_at_as(listed.as_deref()) {
            return Ok(method);
        }
        if registration.method.is_some() || registration.methods().next().is_none() {
            return Ok(registration.own_method());
        }
        let supports = |method: &Method| match &listed {
            Some(methods) => methods.iter().any(|name| name == method.name()),
            None => *method == Method::ClientSecretBasic,
        };
        match registration.methods().find(supports) {
            Some(method) => Ok(method),
            None if self.has(Fault::SecretDespitePrivateKeyJwtOnly) => Ok(Method::ClientSecretPost),
            None => Err(Cause::Unusable(
                "the server lists no authentication method that the client has a credential for".into(),
            )),
        }
    }

    /// The method that a fault makes of those listed.
    fn wrong_method_at_as(&self, listed: Option<&[String]>) -> Option<Method> {
        let lists =
            |method: Method| listed.is_some_and(|names| names.iter().any(|name| name == method.name()));
        let (basic, post) = (Method::ClientSecretBasic, Method::ClientSecretPost);
        let basic_only = lists(basic) && listed.is_some_and(|names| names.len() == 1);
        if (basic_only && self.has(Fault::PostDespiteBasicOnly))
            || (listed.is_none() && self.has(Fault::PostWhenMethodsAbsent))
        {
            Some(post)
        } else if lists(post) && !lists(basic) && self.has(Fault::BasicDespitePostOnly) {
            Some(basic)
        } else if lists(Method::None) && self.has(Fault::PublicWhenNoneListed) {
            Some(Method::None)
        } else {
            None
        }
    }

    /// The registration and the method that a fault tries after `answer` to a request by `method`.
    pub(crate) fn next_credential<'a, T>(
        &'a self,
        answer: &Result<T, Cause>,
        registration: &Registration<'a>,
        method: Method,
    ) -> Option<(Registration<'a>, Method)> {
        if !is_refusal(answer, "invalid_client") {
            return None;
        }
        let (basic, post) = (Method::ClientSecretBasic, Method::ClientSecretPost);
        let (client_id, secret) = match registration.party {
            Party::Idp => (&self.context.client_id, self.context.client_secret.as_deref()),
            Party::As => (&self.context.idp_client_id, self.context.idp_client_secret.as_deref()),
        };
        let client_id = Cow::Borrowed(client_id.as_str());
        let at_as = registration.party == Party::As;
        if self.has(Fault::OtherMethodAfter401) && [basic, post].contains(&method) {
            Some((registration.clone(), if method == basic { post } else { basic }))
        } else if self.has(Fault::OtherSecretAfterInvalidClient) && secret.is_some() {
            let method = if method == post { post } else { basic };
            Some((Registration { secret, ..registration.clone() }, method))
        } else if self.has(Fault::OtherCredentialAfter401) && at_as && secret.is_some() {
            Some((Registration { client_id, secret, ..registration.clone() }, method))
        } else {
            None
        }
    }

    /// Writes the client's identity and credential into `request`.
    pub(crate) fn authenticate(
        &self,
        registration: &Registration<'_>,
        method: Method,
        request: &mut TokenRequest,
    ) -> Result<(), Cause> {
        let client_id = &*registration.client_id;
        let deviates = |fault| registration.party == Party::As && self.has(fault);
        match method {
            Method::None => request.form.add("client_id", client_id),
            Method::ClientSecretBasic => {
                let secret = registration.required_secret()?;
                request.authorization = Some(self.basic(client_id, secret));
                if self.varies(Control::ClientIdBesideBasic) {
                    request.form.add("client_id", client_id);
                }
                if deviates(Fault::SecretInHeaderAndBody) {
                    request.form.add("client_secret", secret);
                }
            }
            Method::ClientSecretPost => {
                let secret = registration.required_secret()?;
                request.form.add("client_id", client_id);
                if deviates(Fault::PostCredentialsInUrl) {
                    request.append_to_url("client_secret", secret);
                } else {
                    request.form.add("client_secret", secret);
                }
                if deviates(Fault::SecretInHeaderAndBody) {
                    request.authorization = Some(self.basic(client_id, secret));
                }
            }
            Method::PrivateKeyJwt => {
                let wrong_type = deviates(Fault::ClientAssertionTypeWrong);
                let declared =
                    if wrong_type { "urn:ietf:params:oauth:token-type:jwt" } else { ASSERTION_TYPE };
                let assertion = self.client_assertion(registration, &request.url)?;
                request.form.add("client_assertion_type", declared);
                request.form.add("client_assertion", assertion);
            }
        }
        Ok(())
    }

    /// The value of a Basic `Authorization` header: both parts are form-encoded before they are joined.
    pub(crate) fn basic(&self, client_id: &str, secret: &str) -> String {
        let encode = |part: &str| form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
        let encoded = |part: &str| match part {
            part if self.has(Fault::BasicNotFormEncoded) => part.to_owned(),
            part if self.has(Fault::BasicFormEncodedTwice) => encode(&encode(part)),
            part => encode(part),
        };
        format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(secret))))
    }
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}
