//! Every client authentication method at the token endpoint, right and wrong.

use serde_json::json;

use crosscheck_scenarios::{AuthMethod, Party};
use crosscheck_wire::Stage;
use crosscheck_wire::constants::{CLIENT_ASSERTION_TYPE, FORM};
use crosscheck_wire::form::encode;

use crate::stage::{Parameters, Servers, basic, object};

/// A correct request by a client that is registered for `method` alone.
fn authenticated(servers: &Servers, method: AuthMethod) -> (Option<String>, Parameters) {
    let (form, client) = (servers.parameters(), servers.stage.registration(Party::As));
    let identified = form.clone().with("client_id", &client.client_id);
    match method {
        AuthMethod::None => (None, identified),
        AuthMethod::ClientSecretBasic => (Some(servers.basic()), form),
        AuthMethod::ClientSecretPost => {
            (None, identified.with("client_secret", client.client_secret.as_deref().unwrap()))
        }
        AuthMethod::PrivateKeyJwt => {
            let key = client.key.as_ref().unwrap();
            let claims = json!({
                "iss": client.client_id, "sub": client.client_id, "aud": servers.stage.urls.issuer(Party::As),
                "exp": servers.stage.now() + 60, "jti": servers.stage.canary.mint(),
            });
            let assertion = key.sign(&key.header("JWT"), &object(claims));
            let form = form.with("client_assertion_type", CLIENT_ASSERTION_TYPE);
            (None, form.with("client_assertion", &assertion))
        }
    }
}

async fn post(servers: &Servers, (authorization, form): &(Option<String>, Parameters)) -> (u16, String) {
    let mut headers = vec![("content-type", FORM)];
    headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
    let reply = servers.post(&headers, form.body()).await;
    (reply.status, reply.member("error"))
}

#[tokio::test]
async fn a_client_is_known_by_the_method_it_is_registered_for_and_by_no_other() {
    for registered in AuthMethod::ALL {
        let servers = Servers::playing_for("", Some(registered)).await;
        let good = authenticated(&servers, registered);
        assert_eq!(post(&servers, &good).await, (200, String::new()), "{registered}");
        let other = match registered {
            AuthMethod::ClientSecretBasic => AuthMethod::ClientSecretPost,
            AuthMethod::ClientSecretPost => AuthMethod::ClientSecretBasic,
            AuthMethod::None | AuthMethod::PrivateKeyJwt => {
                let wrong = (Some(servers.basic()), servers.parameters());
                assert_eq!(post(&servers, &wrong).await, (401, "invalid_client".into()), "{registered}");
                continue;
            }
        };
        let wrong = authenticated(&servers, other);
        assert_eq!(post(&servers, &wrong).await, (401, "invalid_client".into()), "{registered}");
    }
}

#[tokio::test]
async fn awkward_credentials_are_form_decoded_after_base64() {
    let script = "[client]\nclient_id = \"a b:%+/{canary}\"\nclient_secret = \"c d:%+/{canary}\"\n";
    let servers = Servers::playing(script).await;
    let client = &servers.stage.registration(Party::As);
    let (id, secret) = (encode(&client.client_id), encode(client.client_secret.as_deref().unwrap()));
    let encoded = (Some(basic(&id, &secret)), servers.parameters());
    assert_eq!(post(&servers, &encoded).await, (200, String::new()));
    let raw = (Some(servers.basic()), servers.parameters());
    assert_eq!(post(&servers, &raw).await, (401, "invalid_client".into()));
}

#[tokio::test]
async fn a_client_assertion_is_good_once_and_for_this_issuer_alone() {
    let servers = Servers::playing_for("", Some(AuthMethod::PrivateKeyJwt)).await;
    let (good, unauthenticated) = (authenticated(&servers, AuthMethod::PrivateKeyJwt), servers.parameters());
    assert_eq!(post(&servers, &good).await.0, 200);
    assert_eq!(post(&servers, &good).await, (401, "invalid_client".into()));

    let Stage { urls, canary, .. } = &*servers.stage;
    let client = servers.stage.registration(Party::As);
    let key = client.key.as_ref().unwrap();
    for (audience, status) in
        [(urls.issuer(Party::As), 200), (urls.token_endpoint(Party::As), 401), (urls.issuer(Party::Idp), 401)]
    {
        let claims = json!({
            "iss": client.client_id, "sub": client.client_id, "aud": audience,
            "exp": servers.stage.now() + 60, "jti": canary.mint(),
        });
        let assertion = key.sign(&key.header("JWT"), &object(claims));
        let form = unauthenticated.clone().with("client_assertion_type", CLIENT_ASSERTION_TYPE);
        let reply = post(&servers, &(None, form.with("client_assertion", &assertion))).await;
        assert_eq!(reply.0, status, "{audience}");
    }
}

#[tokio::test]
async fn the_client_is_looked_at_before_the_grant() {
    let servers = Servers::playing("").await;
    let client_id = servers.stage.registration(Party::As).client_id.clone();
    let nonsense = servers.presenting("x").set("grant_type", "password");
    let idp_credential = basic(&servers.stage.registration(Party::Idp).client_id, "secret");
    for authorization in
        [None, Some(basic(&client_id, "wrong")), Some(idp_credential), Some("Bearer x".into())]
    {
        let headed = authorization.is_some();
        let mut headers = vec![("content-type", FORM)];
        headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
        let reply = servers.post(&headers, nonsense.body()).await;
        assert_eq!((reply.status, reply.member("error").as_str()), (401, "invalid_client"));
        assert_eq!(reply.header("www-authenticate").is_some(), headed);
    }
}

#[tokio::test]
async fn two_methods_at_once_are_an_invalid_request() {
    let servers = Servers::playing("").await;
    let secret = servers.stage.registration(Party::As).client_secret.clone().unwrap();
    let form = servers.parameters().with("client_id", &servers.stage.registration(Party::As).client_id);
    let identified = (Some(servers.basic()), form.clone());
    assert_eq!(post(&servers, &identified).await.0, 200, "identification is no second method");
    let both = (Some(servers.basic()), form.with("client_secret", &secret));
    assert_eq!(post(&servers, &both).await, (400, "invalid_request".into()));
}
