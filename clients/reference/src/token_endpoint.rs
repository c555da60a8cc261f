//! A request to a token endpoint, and the answer to it.
//!
//! RFC 6749 sections 3.2, 5.1 and 5.2. What the two legs have in common; what they send is their own
//! business.

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Map, Value};
use url::Url;

use crate::client::Client;
use crate::form::Form;
use crate::http::Answer;
use crate::outcome::{Cause, ErrorAnswer};
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

impl Client {
    /// Sends `request`; the members of a 200 answer, or why there are none.
    pub(crate) async fn request_token(&self, mut request: TokenRequest) -> Result<Map<String, Value>, Cause> {
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
        let accept = if self.varies(Control::AcceptAnything) { "*/*" } else { "application/json" };
        let mut builder = self
            .http
            .request(Method::POST, request.url, "a token endpoint")?
            .header(CONTENT_TYPE, content_type)
            .header(ACCEPT, accept)
            .body(body.clone());
        if let Some(authorization) = request.authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        let follows = self.has(Fault::FollowsTokenRedirect);
        let answer = self.http.send_until(builder, |_| false, follows).await?;
        let members = self.members(answer);
        if let Err(Cause::Refused { .. } | Cause::Status { .. }) = members
            && self.has(Fault::DumpsRequestOnFailure)
        {
            eprintln!("the refused request was: {body}");
        }
        members
    }

    fn members(&self, mut answer: Answer) -> Result<Map<String, Value>, Cause> {
        let lenient = self.varies(Control::LenientBody);
        let status = answer.status.as_u16();
        let success = status == 200 || (lenient && status == 201);
        if lenient && answer.body.starts_with(BYTE_ORDER_MARK) {
            answer.body.drain(..BYTE_ORDER_MARK.len());
        }
        let members = answer.json_object();
        if let Some(answer) = members.clone().and_then(ErrorAnswer::from_members) {
            return Err(Cause::Refused { status, answer: Box::new(answer) });
        }
        match members {
            Some(members) if success => Ok(members),
            None if success => Err(Cause::Unusable("the answer is no JSON object".to_owned())),
            _ => Err(Cause::Status { what: "the token endpoint", status }),
        }
    }
}

/// The member as a string that says something.
pub(crate) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str().filter(|text| !text.is_empty())
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

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const FORM: &str = "application/x-www-form-urlencoded";
