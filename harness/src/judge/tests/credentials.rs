//! Who the client is and how it proves it: one bend, one finding.

use serde_json::{Value, json};

use crosscheck_scenarios::{AuthMethod, Outcome, Party};
use crosscheck_wire::transcript::{Exchange, JwtFacts};
use crosscheck_wire::{Alteration, Text};

use crate::check::Verdict;

use super::sample::{
    AS, LEG1, LEG2, METADATA, Sample, altered, assertion, basic, json_response, leg2, remove, set, set_claim,
    set_header, set_query,
};
use super::{bent, fails, only};

/// The honest flow with client assertions at both servers, the second one bent and refused.
fn bent_assertion(bend: impl FnOnce(&mut Exchange)) -> Sample {
    let mut sample = Sample::with_keys();
    sample.bend(LEG2, bend).refuse(LEG2, 401, "invalid_client");
    sample
}

#[test]
fn client_authentication() {
    let basic_of = |id: &str, secret: &str| {
        let (id, secret) = (Text::value(id), Text::value(secret));
        move |exchange: &mut Exchange| set_header(exchange, "authorization", basic(&id, &secret))
    };
    let post = |exchange: &mut Exchange| {
        exchange.request.headers.retain(|header| header.name != "authorization");
        set(exchange, "client_id", Text::value("as.client_id"));
        set(exchange, "client_secret", Text::value("as.client_secret"));
    };
    fails(
        &bent(LEG1, |exchange| {
            remove(exchange, "client_id");
            basic_of("as.client_id", "as.client_secret")(exchange);
        }),
        "conf-as-secret-as-only",
    );
    fails(&bent(LEG2, basic_of("idp.client_id", "as.client_secret")), "cid-two-registrations");
    fails(&bent(LEG2, basic_of("as2.client_id", "as.client_secret")), "jb-client-of-grant");
    fails(&bent(LEG2, basic_of("as.client_id", "idp.client_secret")), "conf-idp-secret-idp-only");
    fails(
        &bent(LEG2, |exchange| {
            exchange.request.headers.retain(|header| header.name != "authorization");
            set(exchange, "client_id", Text::value("as.client_id"));
        }),
        "cauth-present@as",
    );
    fails(
        &bent(LEG2, |exchange| set(exchange, "client_secret", Text::value("as.client_secret"))),
        "cauth-one-method@as",
    );
    fails(
        &bent(LEG2, |exchange| {
            exchange.request.headers.retain(|header| header.name != "authorization");
            set(exchange, "client_id", Text::value("as.client_id"));
            set_query(exchange, "client_secret", Text::value("as.client_secret"));
        }),
        "cauth-post-in-body@as",
    );

    let mut basic_only = bent(LEG2, post);
    basic_only.bend(METADATA, |exchange| list_methods(exchange, json!(["client_secret_basic"])));
    only(&basic_only, "cauth-method-advertised@as", Verdict::Warn);
    let mut silent = bent(LEG2, post);
    silent.bend(METADATA, |exchange| list_methods(exchange, json!([])));
    assert_eq!(silent.findings(), []);
    silent.bend(METADATA, |exchange| {
        let metadata = exchange.response.body.json.as_mut().and_then(Value::as_object_mut);
        metadata.unwrap().remove("token_endpoint_auth_methods_supported");
    });
    only(&silent, "cauth-default-basic", Verdict::Warn);
}

#[test]
fn a_confidential_client_at_the_idp_that_sends_its_id_alone() {
    let mut sample = Sample::honest();
    let at_idp = sample.registration(Party::Idp);
    (at_idp.methods, at_idp.declared) = (vec![AuthMethod::ClientSecretBasic], true);
    sample.refuse(LEG1, 401, "invalid_client");
    fails(&sample, "cauth-present@idp");
    assert!(sample.finding().as_expected.iter().all(|name| name != "client authentication"));
}

#[test]
fn basic_credentials_are_encoded_once() {
    for how in [Alteration::NotEncoded, Alteration::EncodedTwice] {
        let credentials = basic(&altered("as.client_id", how), &altered("as.client_secret", how));
        let mut sample = bent(LEG2, |exchange| set_header(exchange, "authorization", credentials));
        needs_encoding(&mut sample);
        sample.refuse(LEG2, 401, "invalid_client");
        fails(&sample, "cauth-basic-encoding@as");
    }
}

#[test]
fn client_assertions() {
    assert_eq!(Sample::with_keys().findings(), []);
    let claim = |name: &'static str, value| bent_assertion(move |exchange| set_claim(exchange, name, value));
    fails(&claim("sub", json!("someone")), "cauth-jwt-iss-sub@as");
    only(&claim("aud", json!("http://as/token")), "cauth-jwt-aud-issuer@as", Verdict::Warn);
    only(&claim("aud", json!([AS])), "cauth-jwt-aud-issuer@as", Verdict::Warn);
    fails(&claim("aud", json!([AS, "http://other"])), "cauth-jwt-aud-issuer@as");
    fails(&claim("jti", json!("")), "cauth-jwt-exp-jti@as");
    fails(&claim("jti", json!("jti-idp")), "cauth-jwt-exp-jti@as");
    fails(&claim("exp", json!(null)), "cauth-jwt-exp-jti@as");
    only(&claim("exp", json!(9000)), "cauth-jwt-exp-jti@as", Verdict::Warn);
    only(&claim("exp", json!(i64::MAX)), "cauth-jwt-exp-jti@as", Verdict::Warn);
    let type_wrong = |exchange: &mut Exchange| set(exchange, "client_assertion_type", Text::plain("urn:x"));
    fails(&bent_assertion(type_wrong), "cauth-jwt-params@as");
    let change = |bend: fn(&mut JwtFacts)| {
        bent_assertion(move |exchange| {
            exchange.request.body.params.iter_mut().filter_map(|param| param.jwt.as_mut()).for_each(bend);
        })
    };
    fails(&change(|jwt| jwt.verifies_with = None), "cauth-jwt-alg@as");
    fails(
        &change(|jwt| drop(jwt.header.insert("jwk".into(), json!({"kty": "EC", "d": "x"})))),
        "conf-private-keys",
    );
}

#[test]
fn a_client_assertion_of_the_other_server_is_one_finding() {
    let sample = bent_assertion(|exchange| {
        remove(exchange, "client_assertion");
        exchange.request.body.params.push(assertion("idp", "http://idp"));
    });
    fails(&sample, "cauth-jwt-not-shared");
    let covers: Vec<_> = sample.finding().covers.iter().map(ToString::to_string).collect();
    assert!(covers.contains(&"cauth-jwt-aud-issuer".to_owned()), "{covers:?}");
    assert!(covers.contains(&"jb-client-of-grant".to_owned()), "{covers:?}");
}

#[test]
fn the_client_of_the_other_registration_in_an_assertion_is_a_confusion_of_clients() {
    let sample = bent_assertion(|exchange| {
        set_claim(exchange, "iss", json!("«idp.client_id»"));
        set_claim(exchange, "sub", json!("«idp.client_id»"));
    });
    fails(&sample, "cid-two-registrations");
    let covers: Vec<_> = sample.finding().covers.iter().map(ToString::to_string).collect();
    assert_eq!(covers, ["jb-client-of-grant"]);
}

#[test]
fn the_secret_is_not_tried_in_ways_that_the_server_does_not_list() {
    for listed in [json!(["private_key_jwt"]), json!(["tls_client_auth"])] {
        let mut sample = bent(METADATA, |exchange| list_methods(exchange, listed));
        fails(&sample, "cauth-none-possible@as");
        sample.scenario.expect.outcome = Outcome::Refused;
        assert_eq!(sample.stop_after(METADATA).verdict("cauth-none-possible@as"), Verdict::Pass);
    }
    let mut again = Sample::honest();
    let mut other = leg2();
    other.request.headers.retain(|header| header.name != "authorization");
    set(&mut other, "client_id", Text::value("as.client_id"));
    set(&mut other, "client_secret", Text::value("as.client_secret"));
    other.response = json_response(401, json!({"error": "invalid_client"}));
    again.scenario.expect.outcome = Outcome::Refused;
    again.refuse(LEG2, 401, "invalid_client");
    only(again.then([other]), "cauth-fixed-under-401@as", Verdict::Warn);
    let same = again.transcript.exchanges[LEG2].clone();
    only(again.stop_after(LEG2).then([same]), "jbe-invalid-client", Verdict::Info);
}

fn list_methods(exchange: &mut Exchange, methods: serde_json::Value) {
    exchange.response.body.json.as_mut().unwrap()["token_endpoint_auth_methods_supported"] = methods;
}

fn needs_encoding(sample: &mut Sample) {
    sample.transcript.registrations.values_mut().for_each(|registration| registration.needs_encoding = true);
}
