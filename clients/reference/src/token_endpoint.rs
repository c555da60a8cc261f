//! A request to a token endpoint (RFC 6749 section 3.2).
//!
//! What the two legs have in common; what they send is their own business.

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use url::Url;

use crate::client::Client;
use crate::client_authentication::Party;
use crate::discovery::unusable;
use crate::form::Form;
use crate::http::Answer;
use crate::outcome::Cause;
use crate::repetition::Told;
use crate::{Control, Fault};

/// One request, not sent yet.
pub(crate) struct TokenRequest {
    /// The advertised endpoint as it stands.
    pub(crate) url: Url,
    /// The value of the `Authorization` header.
    pub(crate) authorization: Option<String>,
    pub(crate) form: Form,
    pub(crate) body: Body,
}

/// How the parameters are written into the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Form,
    /// Wrong: a JSON object.
    Json,
    /// Wrong: a form without encoding.
    Raw,
    /// Wrong: a form without separators.
    RunTogether,
}

impl TokenRequest {
    pub(crate) fn new(url: Url, grant_type: &str) -> Self {
        let mut form = Form::default();
        form.add("grant_type", grant_type);
        Self { url, authorization: None, form, body: Body::Form }
    }

    /// Puts the parameter into the URL, where none belongs.
    pub(crate) fn append_to_url(&mut self, name: &str, value: &str) {
        self.url.query_pairs_mut().append_pair(name, value);
    }
}

/// How many bytes are read of an answer: more than any token or error text has.
const BODY_LIMIT: usize = 2 << 20;

impl Client {
    /// Sends `request` to the token endpoint of `party`, once.
    pub(crate) async fn send_token_request(&self, party: Party, mut request: TokenRequest) -> Told {
        if self.varies(Control::EmptyParameters) {
            request.form.remove("scope");
            request.form.add("code", "");
            request.form.add("scope", "");
        }
        if self.varies(Control::ReversedParameters) {
            request.form.reverse();
        }
        let (content_type, body) = match request.body {
            Body::Form if self.varies(Control::LowerCasePercentEncoding) => {
                (FORM, request.form.encoded_in_lower_case())
            }
            Body::Form => (FORM, request.form.encoded()),
            Body::Json => ("application/json", request.form.json()),
            Body::Raw => (FORM, request.form.raw()),
            Body::RunTogether => (FORM, request.form.run_together()),
        };
        let answer = self.post(&request, content_type, &body).await;
        let mut retry_after = None;
        let answer = match answer {
            Ok(answer) => {
                retry_after =
                    answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
                let read = self.read(&answer);
                if let Err(cause) = &read {
                    self.believe(party, &request.url, &answer, cause).await;
                }
                read
            }
            Err(cause) => Err(cause),
        };
        if let Err(Cause::Refused { .. } | Cause::Status { .. }) = answer
            && self.has(Fault::DumpsRequestOnFailure)
        {
            eprintln!("the refused request was: {body}");
        }
        Told { answer: answer.map_err(|cause| self.as_parse_error(cause)), retry_after }
    }

    async fn post(&self, request: &TokenRequest, content_type: &str, body: &str) -> Result<Answer, Cause> {
        let accept = if self.varies(Control::AcceptAnything) { "*/*" } else { "application/json" };
        let mut builder = self
            .http
            .request(Method::POST, request.url.clone(), "a token endpoint")?
            .header(CONTENT_TYPE, content_type)
            .header(ACCEPT, accept)
            .body(body.to_owned());
        if let Some(authorization) = &request.authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        let limit = if self.has(Fault::NoSizeLimit) { usize::MAX } else { BODY_LIMIT };
        self.http.send_bounded(builder, limit, |_| false, self.has(Fault::FollowsTokenRedirect)).await
    }

    /// What a fault makes of an answer that is no OAuth error.
    fn as_parse_error(&self, cause: Cause) -> Cause {
        match cause {
            Cause::Status { .. } | Cause::Transport { status: Some(_), .. }
                if self.has(Fault::UnreadableBodyLost) =>
            {
                unusable("expected value at line 1 column 1")
            }
            cause => cause,
        }
    }
}

/// `token` with the last character of its last segment changed.
pub(crate) fn altered(token: &str) -> String {
    let Some(last) = token.chars().next_back() else { return String::new() };
    // The highest bit of a base64url character is never one of the bits that padding leaves unused.
    let other = if last == 'A' { 'w' } else { 'A' };
    format!("{}{other}", &token[..token.len() - last.len_utf8()])
}

/// `url` with a final slash added, or without the one it has.
pub(crate) fn final_slash_toggled(url: &str) -> String {
    url.strip_suffix('/').map_or_else(|| format!("{url}/"), str::to_owned)
}

const FORM: &str = "application/x-www-form-urlencoded";
