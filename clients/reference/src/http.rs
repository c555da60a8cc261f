//! The one HTTP client, and the one place that sends.
//!
//! Redirects are not followed, proxies are not used, answers are read to a bound, and nothing leaves the
//! machine: plain HTTP to loopback addresses only. Error texts hold no URL, since a fault may have put a
//! token there.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Map, Value};
use url::{Host, Url};

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::outcome::Cause;

/// How long one exchange may take, to the last byte of the body.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// How many bytes of a body are read where the caller does not say otherwise.
const BODY_LIMIT: usize = 4 << 20;

pub(crate) struct Http(Client);

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as a JSON object, if it is one.
    pub(crate) fn json_object(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Http {
    pub(crate) fn new(behaviour: &Behaviour) -> Result<Self, Cause> {
        let mut builder = Client::builder().no_proxy().redirect(Policy::none());
        if !behaviour.has(Fault::NoTimeLimit) {
            builder = builder.timeout(TIME_LIMIT);
        }
        Ok(Self(builder.build().map_err(|error| transport(&error, None))?))
    }

    /// Begins a request; `what` names its target in the message that refuses a URL off the machine.
    pub(crate) fn request(&self, method: Method, url: Url, what: &str) -> Result<RequestBuilder, Cause> {
        if !is_spoken_to(&url) {
            return Err(Cause::Unusable(format!(
                "the URL of {what} is not plain HTTP on a loopback address"
            )));
        }
        Ok(self.0.request(method, url))
    }

    /// `request` as it is, to where `answer` redirects it; an honest client never follows.
    fn redirected(&self, request: RequestBuilder, answer: &Answer) -> Option<RequestBuilder> {
        let location = answer.headers.get(LOCATION).filter(|_| answer.status.is_redirection())?;
        let mut request = request.build().ok()?;
        let url = request.url().join(location.to_str().ok()?).ok()?;
        if !is_spoken_to(&url) {
            return None;
        }
        *request.url_mut() = url;
        Some(RequestBuilder::from_parts(self.0.clone(), request))
    }

    /// Sends and reads the whole body.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Cause> {
        self.send_until(request, |_| false, false).await
    }

    /// Sends and reads the body until `complete` says so of what has arrived, or to its end; `follow` repeats the
    /// request where the answer redirects to.
    pub(crate) async fn send_until(
        &self,
        request: RequestBuilder,
        complete: impl Fn(&[u8]) -> bool,
        follow: bool,
    ) -> Result<Answer, Cause> {
        self.send_bounded(request, BODY_LIMIT, complete, follow).await
    }

    /// As [`Http::send_until`]; a body of more than `limit` bytes is given up.
    pub(crate) async fn send_bounded(
        &self,
        request: RequestBuilder,
        limit: usize,
        complete: impl Fn(&[u8]) -> bool,
        follow: bool,
    ) -> Result<Answer, Cause> {
        let again = request.try_clone().filter(|_| follow);
        let answer = send_once(request, limit, &complete).await?;
        match again.and_then(|again| self.redirected(again, &answer)) {
            Some(redirected) => send_once(redirected, limit, complete).await,
            None => Ok(answer),
        }
    }
}

async fn send_once(
    request: RequestBuilder,
    limit: usize,
    complete: impl Fn(&[u8]) -> bool,
) -> Result<Answer, Cause> {
    let mut response = request.send().await.map_err(|error| transport(&error, None))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error, Some(status)))? {
        body.extend_from_slice(&chunk);
        if body.len() > limit {
            return Err(Cause::Unfit { status: status.as_u16(), problem: "is too long".to_owned() });
        }
        if complete(&body) {
            break;
        }
    }
    Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body })
}

/// Parses a URL that a server or the context gave; `what` names it in the message.
pub(crate) fn parse_url(text: &str, what: &str) -> Result<Url, Cause> {
    Url::parse(text).map_err(|_| Cause::Unusable(format!("{what} is no URL")))
}

/// Whether `url` is plain HTTP on a loopback address.
fn is_spoken_to(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    loopback && url.scheme() == "http"
}

/// `status` is that of the answer, if its head had arrived.
fn transport(error: &reqwest::Error, status: Option<StatusCode>) -> Cause {
    if error.is_builder() {
        return Cause::Unusable("the request cannot be built".to_owned());
    }
    Cause::Transport {
        status: status.map(|status| status.as_u16()),
        problem: if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the connection broke"
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_on_loopback_is_spoken() {
        let http = Http::new(&Behaviour::default()).unwrap();
        let begin =
            |url| http.request(Method::GET, Url::parse(url).unwrap(), "the test endpoint").map(|_| ());
        for url in ["http://127.0.0.1:1/", "http://localhost/", "http://[::1]/"] {
            assert!(begin(url).is_ok(), "{url}");
        }
        for url in
            ["https://127.0.0.1/", "http://localhost.example/", "http://127.evil.example/", "file:///x"]
        {
            assert!(begin(url).is_err(), "{url}");
        }
    }
}
