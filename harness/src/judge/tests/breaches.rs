//! One bend, one finding: the row that it breaks and no other.

use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party, Profile, Reply, Step, Tolerance};
use crosscheck_wire::constants::{GRANT_TYPE_JWT_BEARER, GRANT_TYPE_TOKEN_EXCHANGE, TOKEN_TYPE_ID_JAG};
use crosscheck_wire::transcript::{Ended, Exchange, Output, Param, Report};
use crosscheck_wire::{Alteration, Text};

use crate::check::Verdict;

use super::sample::{
    AS, CHALLENGE, FIRST_CALL, LEG1, LEG2, MCP, METADATA, RESOURCE_METADATA, SECOND_CALL, Sample, altered,
    around, basic, call, exchange, json_response, leg2, remove, set, set_header, set_query,
};
use super::{bent, fails, only};

#[test]
fn parameters_of_the_exchange() {
    let text = Text::plain;
    for (id, name, value) in [
        ("tx-audience-is-as-issuer", "audience", text("http://as/token")),
        ("tx-requested-token-type", "requested_token_type", Text::default()),
        ("tx-subject-token-type", "subject_token_type", text("urn:ietf:params:oauth:token-type:jwt")),
        ("tx-subject-token-verbatim", "subject_token", altered("id_token", Alteration::Signature)),
        ("tx-grant-type", "grant_type", text(GRANT_TYPE_JWT_BEARER)),
        ("tx-resource-syntax", "resource", text("http://mcp/mcp#mcp")),
        ("tx-resource-is-prm-resource", "resource", text("http://mcp/other")),
        ("tx-scope-format", "scope", text("files:read,files:write")),
        ("tx-client-is-sso-client", "client_id", around("", "idp.client_id", "-x")),
        ("cid-two-registrations", "client_id", Text::value("as.client_id")),
        ("cauth-public-client-id@idp", "client_id", Text::default()),
        ("tx-encoding-roundtrip", "client_id", altered("idp.client_id", Alteration::NotEncoded)),
        ("conf-access-token-rs-only", "subject_token", Text::value("access_token#1")),
    ] {
        let mut sample = bent(LEG1, |exchange| set(exchange, name, value));
        sample.refuse(LEG1, 400, "invalid_request");
        fails(&sample, id);
    }
}

#[test]
fn the_access_token_of_sign_on_is_no_subject_token() {
    let mut sample = bent(LEG1, |exchange| set(exchange, "subject_token", Text::value("idp_access_token")));
    only(sample.refuse(LEG1, 400, "invalid_grant"), "tx-subject-not-access-token", Verdict::Warn);
    let covers: Vec<_> = sample.finding().covers.iter().map(ToString::to_string).collect();
    assert_eq!(covers, ["tx-subject-token-verbatim"]);
}

#[test]
fn audience_and_resource_swapped_are_two_findings_and_the_first_has_the_consequences() {
    let mut sample = bent(LEG1, |exchange| {
        set(exchange, "audience", Text::plain("http://mcp/mcp"));
        set(exchange, "resource", Text::plain(AS));
    });
    sample.refuse(LEG1, 400, "invalid_target");
    let ids: Vec<_> = sample.findings().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["tx-audience-is-as-issuer", "tx-resource-is-prm-resource"]);
    let told: Vec<_> = sample
        .checks()
        .into_iter()
        .filter_map(|check| check.finding)
        .map(|finding| finding.then.len())
        .filter(|then| *then > 0)
        .collect();
    assert_eq!(told, [2]);
}

#[test]
fn a_final_slash_is_a_warning_unless_an_exact_server_refuses_it() {
    let slash = |exchange: &mut Exchange| set(exchange, "audience", Text::plain("http://as/"));
    only(&bent(LEG1, slash), "tx-audience-is-as-issuer", Verdict::Warn);
    let mut refused = bent(LEG1, slash);
    refused.scenario.resource_as.targets = Tolerance::Exact;
    refused.refuse(LEG2, 400, "invalid_grant");
    fails(&refused, "tx-audience-is-as-issuer");
    let resource = bent(LEG1, |exchange| set(exchange, "resource", Text::plain("http://mcp/mcp/")));
    only(&resource, "tx-resource-is-prm-resource", Verdict::Warn);
}

#[test]
fn the_message_of_a_wrong_audience_shows_both_urls_and_what_was_right() {
    let mut sample = bent(LEG1, |exchange| set(exchange, "audience", Text::plain("http://as/token")));
    sample.refuse(LEG2, 400, "invalid_grant");
    let finding = sample.finding();
    assert_eq!(
        finding.what,
        "The ID-JAG is requested for something that is not the issuer of the resource authorization server."
    );
    assert_eq!(finding.exchange, Some(4));
    assert_eq!(
        (finding.compared[0].expected.as_str(), finding.compared[0].seen.as_str()),
        (AS, "http://as/token")
    );
    assert!(finding.as_expected.iter().any(|name| name == "resource"));
    assert!(finding.as_expected.iter().any(|name| name == "client authentication"));
    assert!(!finding.as_expected.iter().any(|name| name == "audience"));
    let then: Vec<_> = finding.then.iter().map(|consequence| consequence.what.as_str()).collect();
    assert_eq!(
        then,
        [
            "POST as /token, 400 invalid_grant",
            "the client does not reach the MCP server; the client exited 1"
        ]
    );
}

#[test]
fn the_resource_is_required_in_the_older_edition_only() {
    let mut sample = bent(LEG1, |exchange| remove(exchange, "resource"));
    only(&sample, "tx-resource-recommended", Verdict::Warn);
    sample.transcript.profile = Profile::Ema2025;
    sample.refuse(LEG1, 400, "invalid_request");
    fails(&sample, "tx-resource-required-2025");
}

#[test]
fn form_of_the_requests() {
    let json =
        |exchange: &mut Exchange| set_header(exchange, "content-type", Text::plain("application/json"));
    fails(&bent(LEG1, json), "tx-post-form");
    fails(&bent(LEG2, json), "jb-post-form");
    let twice = |name: &'static str| {
        move |exchange: &mut Exchange| {
            let param = exchange.request.param(name).unwrap().clone();
            exchange.request.body.params.push(param);
        }
    };
    fails(&bent(LEG1, twice("scope")), "tx-no-duplicates");
    fails(&bent(LEG2, twice("assertion")), "jb-assertion-once");
    fails(
        &bent(LEG1, |exchange| set_query(exchange, "requested_token_type", Text::plain(TOKEN_TYPE_ID_JAG))),
        "tx-nothing-in-url",
    );
    fails(
        &bent(LEG1, |exchange| set_query(exchange, "subject_token", Text::value("id_token"))),
        "conf-nothing-in-urls",
    );
    let mut in_url = bent(LEG2, |exchange| {
        remove(exchange, "assertion");
        set_query(exchange, "assertion", Text::value("id_jag#1"));
    });
    in_url.refuse(LEG2, 400, "invalid_request");
    fails(&in_url, "jb-nothing-in-url");
}

#[test]
fn parameters_of_the_grant_request() {
    for (id, name, value) in [
        ("jb-grant-type", "grant_type", Text::plain(GRANT_TYPE_TOKEN_EXCHANGE)),
        ("jb-assertion-verbatim", "assertion", altered("id_jag#1", Alteration::Signature)),
        ("jb-assertion-verbatim", "assertion", Text::plain("null")),
        ("conf-subject-token-idp-only", "assertion", Text::value("id_token")),
        ("conf-subject-token-idp-only", "id_token", Text::value("id_token")),
        ("jb-encoding-roundtrip", "client_id", altered("as.client_id", Alteration::NotEncoded)),
    ] {
        let mut sample = bent(LEG2, |exchange| set(exchange, name, value));
        sample.refuse(LEG2, 400, "invalid_grant");
        fails(&sample, id);
    }
    let mut renamed = bent(LEG2, |exchange| {
        remove(exchange, "assertion");
        set(exchange, "subject_token", Text::value("id_jag#1"));
    });
    renamed.refuse(LEG2, 400, "invalid_request");
    fails(&renamed, "jb-assertion-verbatim");
    assert_eq!(renamed.finding().compared[0].seen, "in `subject_token`");
    let leftovers = bent(LEG2, |exchange| {
        set(exchange, "audience", Text::plain(AS));
        set(exchange, "requested_token_type", Text::plain(TOKEN_TYPE_ID_JAG));
    });
    only(&leftovers, "jb-no-leg1-leftovers", Verdict::Warn);
}

#[test]
fn token_endpoints_are_not_guessed() {
    for (leg, party, id) in
        [(LEG1, "idp", "disc-idp-token-endpoint"), (LEG2, "as", "disc-asm-token-endpoint-used")]
    {
        let mut sample = Sample::honest();
        let endpoint = format!("http://{party}/oauth2/v1/token");
        sample.transcript.stage.insert(format!("{party}.token_endpoint"), endpoint.clone());
        sample.bend(METADATA, |exchange| {
            exchange.response.body.json.as_mut().unwrap()["token_endpoint"] =
                json!("http://as/oauth2/v1/token");
        });
        if party == "as" {
            assert_eq!(sample.finding().compared[0].expected, endpoint);
        }
        sample.bend(leg, |exchange| exchange.endpoint = EndpointName::Unknown).refuse(leg, 404, "not_found");
        fails(&sample, id);
    }
}

#[test]
fn order_and_detours() {
    let mut early = Sample::honest();
    let mut made_up = leg2();
    set(&mut made_up, "assertion", Text::plain("made.up.grant"));
    made_up.response = json_response(400, json!({"error": "invalid_grant"}));
    early.insert(LEG1, made_up);
    fails(&early, "flow-order");

    let mut detour = Sample::honest();
    detour.insert(LEG1, exchange(Party::As, EndpointName::Authorization, "GET", "/authorize", 200));
    only(&detour, "flow-no-user-redirect", Verdict::Warn);

    let mut ignored = Sample::honest();
    let mut blind = leg2();
    set(&mut blind, "assertion", Text::plain("null"));
    blind.response = json_response(400, json!({"error": "invalid_grant"}));
    ignored.refuse(LEG1, 400, "access_denied").insert(LEG2, blind);
    ignored.scenario.expect.outcome = crosscheck_scenarios::Outcome::Refused;
    ignored.scenario.expect.surfaced.error = Some("access_denied".into());
    fails(&ignored, "txe-no-leg2");
}

#[test]
fn answers_are_used() {
    let mut after_exchange = Sample::honest();
    fails(after_exchange.stop_after(LEG1), "txr-accept");
    let mut after_grant = Sample::honest();
    fails(after_grant.stop_after(LEG2), "jbr-accept");
    after_grant.transcript.client.ended = Ended::Exited(0);
    assert_eq!(after_grant.finding().compared[0].seen, "none; the client exited 0");
}

/// Lets metadata name an issuer.
pub(super) fn issuer(issuer: &'static str) -> impl Fn(&mut Exchange) {
    move |exchange| exchange.response.body.json.as_mut().unwrap()["issuer"] = json!(issuer)
}

#[test]
fn discovery() {
    let path = |path: &'static str| move |exchange: &mut Exchange| exchange.request.path = Text::plain(path);
    fails(&bent(RESOURCE_METADATA, path("/.well-known/oauth-protected-resource")), "disc-challenge-parse");

    let mut guessed = Sample::honest();
    let probe =
        exchange(Party::Mcp, EndpointName::Unknown, "GET", "/.well-known/oauth-authorization-server", 404);
    fails(guessed.insert(RESOURCE_METADATA, probe), "disc-prm-as-from-list");

    let scope = |exchange: &mut Exchange| set(exchange, "scope", Text::plain("files:read files:write"));
    only(&bent(LEG1, scope), "disc-scope-selection", Verdict::Warn);

    let mut tenant = bent(METADATA, path("/t1/.well-known/oauth-authorization-server"));
    tenant.transcript.stage.insert("as.issuer".into(), "http://as/t1".into());
    tenant.bend(LEG1, |exchange| set(exchange, "audience", Text::plain("http://as/t1")));
    tenant.bend(METADATA, issuer("http://as/t1"));
    fails(&tenant, "disc-asm-order-path");
    tenant.transcript.stage.insert("as.issuer".into(), "http://as/t1/".into());
    tenant.bend(LEG1, |exchange| set(exchange, "audience", Text::plain("http://as/t1/")));
    tenant.bend(METADATA, path("/.well-known/oauth-authorization-server/t1/"));
    tenant.bend(METADATA, issuer("http://as/t1/"));
    fails(&tenant, "disc-asm-slash-removed");

    let mut oauth_only = bent(METADATA, |exchange| exchange.response = json_response(404, json!({})));
    oauth_only.stop_after(METADATA);
    fails(&oauth_only, "disc-asm-both-kinds");
    let gone: Reply = serde_json::from_value(json!({ "status": 404 })).unwrap();
    oauth_only.scenario.resource_as.openid_metadata = vec![Step { reply: Some(gone), ..Step::default() }];
    fails(&oauth_only, "run-outcome");
}

#[test]
fn the_access_token_at_the_mcp_server() {
    let token = || Text::value("access_token#1");
    let drop_header = |exchange: &mut Exchange| exchange.request.headers.clear();
    let refused = |mut sample: Sample| {
        sample.refuse(FIRST_CALL, 401, "invalid_token");
        sample
    };
    fails(
        &refused(bent(FIRST_CALL, |exchange| {
            drop_header(exchange);
            set_header(exchange, "x-access-token", token());
        })),
        "res-bearer-header",
    );
    fails(
        &refused(bent(FIRST_CALL, |exchange| {
            let changed = around("Bearer ", "access_token#1", " changed");
            set_header(exchange, "authorization", changed);
        })),
        "res-bearer-header",
    );
    fails(
        &refused(bent(FIRST_CALL, |exchange| {
            drop_header(exchange);
            set_query(exchange, "access_token", token());
        })),
        "res-not-in-url",
    );
    fails(&bent(SECOND_CALL, drop_header), "res-every-request");
    let mut both = bent(FIRST_CALL, |exchange| set_query(exchange, "access_token", token()));
    both.bend(SECOND_CALL, |exchange| set_query(exchange, "access_token", token()));
    fails(&both, "res-one-method");
    assert_eq!(both.finding().repeated, 1);
    for (id, value) in [("res-own-token-only", "id_token"), ("txr-grant-not-bearer", "id_jag#1")] {
        let mut wrong = call();
        set_header(&mut wrong, "authorization", around("Bearer ", value, ""));
        wrong.response.status = 401;
        let mut sample = Sample::honest();
        fails(sample.insert(FIRST_CALL, wrong), id);
    }
    let mut empty = call();
    set_header(&mut empty, "authorization", Text::plain("Bearer undefined"));
    empty.response.status = 401;
    fails(Sample::honest().insert(FIRST_CALL, empty), "res-own-token-only");
}

#[test]
fn leaks() {
    let mut at_idp = exchange(Party::Idp, EndpointName::Unknown, "GET", "/userinfo", 404);
    set_header(&mut at_idp, "authorization", around("Bearer ", "access_token#1", ""));
    fails(Sample::honest().insert(SECOND_CALL, at_idp), "conf-access-token-rs-only");

    let mut back = leg2();
    back.party = Party::Idp;
    back.request.headers.clear();
    set(&mut back, "client_id", Text::value("idp.client_id"));
    back.response = json_response(400, json!({"error": "unsupported_grant_type"}));
    fails(Sample::honest().insert(LEG2, back), "conf-grant-as-only");

    let referer = around("http://mcp/mcp?access_token=", "access_token#1", "");
    fails(&bent(FIRST_CALL, |exchange| set_header(exchange, "referer", referer)), "conf-nothing-in-urls");

    let credentials = basic(&Text::value("as.client_id"), &Text::value("as.client_secret"));
    fails(
        &bent(METADATA, |exchange| set_header(exchange, "authorization", credentials)),
        "conf-metadata-no-credentials",
    );
    let to_mcp = bent(RESOURCE_METADATA, |exchange| {
        set_header(exchange, "authorization", around("Bearer ", "access_token#1", ""));
    });
    only(&to_mcp, "conf-metadata-no-credentials", Verdict::Warn);

    let mut key = Sample::honest();
    key.bend(CHALLENGE, |exchange| {
        exchange.request.body.params.push(Param {
            name: "key".into(),
            value: Text::value("as.client_key"),
            jwt: None,
        });
    });
    fails(&key, "conf-private-keys");
}

#[test]
fn what_the_client_writes() {
    let mut sample = Sample::honest();
    let text = around("starting\naccess token: ", "access_token#1", " (é)\nbye");
    sample.transcript.client.stderr = Output { text, ..Output::default() };
    fails(&sample, "conf-log-default");
    let finding = sample.finding();
    assert_eq!(finding.what, "«access_token#1» is in the client's stderr.");
    assert_eq!(finding.excerpt.as_deref(), Some("access token: «access_token#1» (é)"));

    let mut report = Sample::honest();
    report.transcript.client.report = Report::Unreadable("expected value".into());
    only(&report, "run-report", Verdict::Warn);
    let named = json!({"outcome": "authorized", "message": format!("«id_jag#1» at {MCP}")});
    report.transcript.client.report = Report::Read(serde_json::from_value(named).unwrap());
    fails(&report, "conf-log-default");
}
