//! Fetches the IdP's public keys over HTTP, as a resource authorization server does in life.

use std::time::Duration;

use reqwest::redirect::Policy;
use serde_json::Value;

use crosscheck_scenarios::Party;
use crosscheck_wire::Stage;
use crosscheck_wire::jose::Jwt;

/// A client for loopback that a thread makes once and reuses: no proxy, no redirects.
pub fn key_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        // A connection kept from an earlier run is closed by the end of that run, at any moment.
        .pool_max_idle_per_host(0)
        .redirect(Policy::none())
        .timeout(Duration::from_secs(5))
        .build()
        .expect("a client without TLS needs nothing from the system")
}

/// The key that the IdP publishes under the `kid` of `grant`, or its only one when the header names none.
/// `None` when the IdP has no such key, or its answer cannot be read.
///
/// Keys that the token itself brings along are never used (RFC 8725 section 3.10). Every grant fetches anew, so
/// that a change of keys is seen at once.
pub(crate) async fn key_of(stage: &Stage, client: &reqwest::Client, grant: &Jwt) -> Option<Value> {
    let (name, value) = stage.recorder.stage_header();
    let response = client.get(stage.urls.jwks_uri(Party::Idp)).header(name, value).send().await;
    let body = response.ok()?.error_for_status().ok()?.bytes().await.ok()?;
    let document: Value = serde_json::from_slice(&body).ok()?;
    let keys = document.get("keys")?.as_array()?;
    match grant.header.get("kid") {
        Some(kid) => keys.iter().find(|key| key.get("kid") == Some(kid)).cloned(),
        None if keys.len() == 1 => keys.first().cloned(),
        None => None,
    }
}
