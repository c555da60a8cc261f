//! What the client makes of challenges and metadata: one bend, one finding, and what is free.

use serde_json::{Value, json};

use crosscheck_scenarios::{Outcome, Party, Profile};
use crosscheck_wire::Text;
use crosscheck_wire::transcript::{Ended, Exchange, Header};

use crate::check::Verdict;

use super::breaches::issuer;
use super::sample::{
    AS, CHALLENGE, IDP, LEG1, LEG2, MCP, METADATA, RESOURCE_METADATA, Sample, TRAP, document, json_response,
    leg1, leg2, metadata_of, remove, set, set_query,
};
use super::{bent, fails, only};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

fn challenged(value: String) -> impl FnOnce(&mut Exchange) {
    |exchange| {
        exchange.response.headers =
            vec![Header { name: "www-authenticate".into(), value: Text::plain(value) }]
    }
}

fn member(name: &'static str, value: Value) -> impl Fn(&mut Exchange) {
    move |exchange| exchange.response.body.json.as_mut().unwrap()[name] = value.clone()
}

fn path(path: &'static str) -> impl Fn(&mut Exchange) {
    move |exchange| exchange.request.path = Text::plain(path)
}

/// The honest flow, whose second leg goes to the trap.
fn astray() -> Sample {
    let mut sample = Sample::honest();
    let mut stray = leg2();
    stray.party = Party::Trap;
    stray.response = json_response(401, json!({"error": "invalid_client"}));
    sample.stop_after(LEG1).then([stray]);
    sample.transcript.client.ended = Ended::Exited(1);
    sample
}

#[test]
fn challenges_beside_others_and_written_oddly() {
    let url = format!("{MCP}{WELL_KNOWN}/mcp");
    for (id, challenge) in [
        (
            "disc-challenge-multi",
            format!("Basic realm=\"a, b\", Bearer resource_metadata=\"{url}\", scope=\"files:read\""),
        ),
        ("disc-challenge-quoting", format!("BEARER resource_metadata=\"{url}\", scope=\"files:read\"")),
        (
            "disc-challenge-quoting",
            format!("Bearer resource_metadata=\"{}\", scope=\"files:read\"", url.replace("-p", "\\-p")),
        ),
    ] {
        let mut sample = bent(CHALLENGE, challenged(challenge));
        assert_eq!(sample.verdict(id), Verdict::Pass);
        assert_eq!(sample.findings(), []);
        sample.bend(RESOURCE_METADATA, path(WELL_KNOWN));
        sample.bend(LEG1, |exchange| remove(exchange, "scope"));
        only(&sample, id, Verdict::Warn);
    }
}

#[test]
fn well_known_places_in_order() {
    let silent = || bent(CHALLENGE, challenged("Bearer scope=\"files:read\"".into()));
    assert_eq!(silent().findings(), []);
    assert_eq!(silent().verdict("disc-prm-wellknown-order"), Verdict::Pass);
    fails(silent().bend(RESOURCE_METADATA, path(WELL_KNOWN)), "disc-prm-wellknown-order");
    let mut gives_up = silent();
    gives_up.bend(RESOURCE_METADATA, |exchange| exchange.response = json_response(404, json!({})));
    gives_up.stop_after(RESOURCE_METADATA);
    fails(&gives_up, "disc-prm-wellknown-order");
    let mut both = silent();
    let root = document(
        Party::Mcp,
        WELL_KNOWN,
        both.transcript.exchanges[RESOURCE_METADATA].response.body.json.clone().unwrap(),
    );
    both.bend(RESOURCE_METADATA, |exchange| exchange.response = json_response(404, json!({})));
    assert_eq!(both.insert(METADATA, root.clone()).findings(), []);
    only(silent().insert(RESOURCE_METADATA, root), "disc-prm-wellknown-order", Verdict::Warn);
}

#[test]
fn metadata_about_another_resource() {
    for (resource, verdict) in [
        ("http://other/mcp", Verdict::Fail),
        ("http://mcp/other", Verdict::Fail),
        ("https://mcp/mcp", Verdict::Fail),
        ("http://mcp", Verdict::Warn),
        ("http://mcp:80/mcp", Verdict::Warn),
        ("http://MCP/mcp", Verdict::Warn),
        ("http://mcp/mcp/", Verdict::Warn),
    ] {
        let mut sample = bent(RESOURCE_METADATA, member("resource", json!(resource)));
        only(&sample, "disc-prm-resource-match", verdict);
        // The server list is taken as well.
        sample.bend(LEG1, |exchange| set(exchange, "resource", Text::plain(resource)));
        only(&sample, "disc-prm-resource-match", verdict);
        sample.transcript.profile = Profile::Strict;
        fails(&sample, "disc-prm-resource-match");
    }
    let mut bound = bent(RESOURCE_METADATA, member("resource", json!("http://other/mcp")));
    bound.transcript.context.push("issuer".into());
    assert_eq!(bound.findings(), []);
    let mut other = Sample::honest();
    let wrong = json!({"resource": "http://other", "authorization_servers": [AS]});
    assert_eq!(other.insert(RESOURCE_METADATA, document(Party::Mcp, WELL_KNOWN, wrong)).findings(), []);
}

#[test]
fn no_server_is_invented() {
    let invented = |sample: &mut Sample| {
        sample.bend(LEG1, |exchange| set(exchange, "audience", Text::plain(MCP)));
        sample.transcript.exchanges.remove(METADATA);
        sample.bend(LEG2 - 1, |exchange| exchange.party = Party::Mcp);
        sample.stop_after(LEG2 - 1);
        sample.scenario.expect.outcome = Outcome::Either;
    };
    let mut missing = bent(RESOURCE_METADATA, member("authorization_servers", json!([])));
    assert_eq!(missing.findings(), []);
    invented(&mut missing);
    // Secret and grant went there.
    only(&missing, "disc-prm-as-missing", Verdict::Fail);
    let mut asked = bent(RESOURCE_METADATA, member("authorization_servers", json!([])));
    invented(&mut asked);
    asked.stop_after(LEG1 - 1);
    only(&asked, "disc-prm-as-missing", Verdict::Warn);
    let covers: Vec<_> = missing.finding().covers.iter().map(ToString::to_string).collect();
    assert!(
        ["conf-as-secret-as-only", "conf-grant-as-only"].iter().all(|id| covers.contains(&(*id).to_owned())),
        "{covers:?}"
    );
    let mut broken = bent(RESOURCE_METADATA, |exchange| exchange.response.body.json = Some(json!([])));
    assert_eq!(broken.findings(), []);
    invented(&mut broken);
    only(&broken, "disc-prm-unusable", Verdict::Fail);
    let mut hosted = bent(RESOURCE_METADATA, |exchange| exchange.response = json_response(404, json!({})));
    let guess = document(Party::Mcp, "/.well-known/oauth-authorization-server", metadata_of(MCP));
    hosted.insert(METADATA, guess);
    only(&hosted, "disc-prm-as-from-list", Verdict::Info);
    hosted.transcript.exchanges.remove(METADATA + 1);
    hosted.bend(LEG1, |exchange| set(exchange, "audience", Text::plain(MCP)));
    hosted.bend(LEG2, |exchange| exchange.party = Party::Mcp).stop_after(LEG2);
    fails(&hosted, "disc-prm-as-from-list");
}

#[test]
fn giving_up_after_the_first_challenge() {
    let mut sample = Sample::honest();
    sample.stop_after(CHALLENGE);
    fails(&sample, "disc-challenge-parse");
    sample.bend(CHALLENGE, challenged(format!("Bearer resource_metadata=\"{AS}/meta\"")));
    only(&sample, "run-outcome", Verdict::Fail);
}

#[test]
fn one_of_several_servers_is_chosen() {
    let mut sample = bent(RESOURCE_METADATA, member("authorization_servers", json!([TRAP, AS])));
    assert_eq!(sample.findings(), []);
    sample.scenario.expect.outcome = Outcome::Either;
    sample.stop_after(RESOURCE_METADATA);
    only(&sample, "disc-prm-several-as", Verdict::Info);
}

#[test]
fn scopes_where_the_challenge_names_none() {
    let url = format!("Bearer resource_metadata=\"{MCP}{WELL_KNOWN}/mcp\"");
    let mut sample = bent(CHALLENGE, challenged(url));
    only(&sample, "disc-scope-selection", Verdict::Warn);
    sample.bend(RESOURCE_METADATA, member("scopes_supported", json!(["files:read"])));
    assert_eq!(sample.findings(), []);
    sample.bend(RESOURCE_METADATA, member("scopes_supported", json!(["files:read", "files:write"])));
    only(&sample, "disc-scope-selection", Verdict::Info);
    sample.bend(LEG1, |exchange| remove(exchange, "scope"));
    assert_eq!(sample.findings(), []);
    let mut filtered = bent(RESOURCE_METADATA, member("scopes_supported", json!(["files:list"])));
    let beyond =
        format!("Bearer resource_metadata=\"{MCP}{WELL_KNOWN}/mcp\", scope=\"files:list files:read\"");
    filtered.bend(CHALLENGE, challenged(beyond));
    filtered.bend(LEG1, |exchange| set(exchange, "scope", Text::plain("files:list")));
    fails(&filtered, "disc-scope-authoritative");
    filtered.bend(LEG1, |exchange| set(exchange, "scope", Text::plain("files:read files:list")));
    assert_eq!(filtered.findings(), []);
}

#[test]
fn more_or_fewer_members_are_no_reason_to_give_up() {
    for (at, id, change) in [
        (RESOURCE_METADATA, "disc-prm-extra-members", ("x", json!({"y": []}))),
        (RESOURCE_METADATA, "disc-prm-extra-members", ("jwks_uri", Value::Null)),
        (METADATA, "disc-asm-extra-members", ("x", json!(1))),
    ] {
        let mut sample = bent(at, member(change.0, change.1));
        assert_eq!((sample.verdict(id), sample.findings()), (Verdict::Pass, vec![]));
        only(sample.stop_after(at), id, Verdict::Warn);
    }
    for (name, verdict) in [
        ("authorization_endpoint", Verdict::Warn),
        ("jwks_uri", Verdict::Warn),
        ("code_challenge_methods_supported", Verdict::Info),
    ] {
        let mut sample = bent(METADATA, |exchange| {
            exchange.response.body.json.as_mut().unwrap().as_object_mut().unwrap().remove(name);
        });
        assert_eq!(sample.findings(), []);
        sample.scenario.expect.outcome = Outcome::Either;
        only(sample.stop_after(METADATA), "disc-asm-no-authz-endpoint", verdict);
    }
    let mut elsewhere = bent(METADATA, member("token_endpoint", json!("http://as2/token")));
    elsewhere.stop_after(METADATA);
    assert_eq!(elsewhere.findings().last(), Some(&("run-outcome".into(), Verdict::Fail)));
    elsewhere.scenario.expect.outcome = Outcome::Either;
    only(&elsewhere, "disc-asm-token-endpoint-used", Verdict::Info);
}

#[test]
fn metadata_of_another_issuer() {
    fails(&bent(METADATA, issuer("http://other")), "disc-asm-issuer-match");
    for near in ["http://as/", "http://as:80", "http://AS"] {
        let mut sample = bent(METADATA, issuer(near));
        only(&sample, "disc-asm-issuer-match", Verdict::Warn);
        sample.transcript.profile = Profile::Strict;
        fails(&sample, "disc-asm-issuer-match");
    }
    for none in [Value::Null, json!(7)] {
        only(&bent(METADATA, member("issuer", none)), "disc-asm-issuer-absent", Verdict::Warn);
    }
    let mut refuses = bent(METADATA, issuer("http://other"));
    refuses.scenario.expect.outcome = Outcome::Refused;
    assert_eq!(refuses.stop_after(METADATA).findings(), []);
    let mut other_kind = bent(METADATA, issuer("http://other"));
    let right = document(Party::As, "/.well-known/openid-configuration", metadata_of(AS));
    assert_eq!(other_kind.insert(LEG1, right).findings(), []);

    let mut taken = astray();
    taken.bend(METADATA, member("token_endpoint", json!(format!("{TRAP}/token"))));
    taken.bend(METADATA, issuer("http://other"));
    fails(&taken, "disc-asm-issuer-match");
    let mut own = metadata_of(AS);
    own.as_object_mut().unwrap().remove("token_endpoint");
    taken.insert(METADATA + 1, document(Party::As, "/.well-known/openid-configuration", own));
    fails(&taken, "disc-asm-issuer-match");
    taken.transcript.exchanges.remove(METADATA + 1);
    let covers: Vec<_> = taken.finding().covers.iter().map(ToString::to_string).collect();
    assert!(
        ["conf-as-secret-as-only", "conf-grant-as-only"].iter().all(|id| covers.contains(&(*id).to_owned())),
        "{covers:?}"
    );
    taken.bend(METADATA, member("issuer", Value::Null));
    fails(&taken, "disc-asm-issuer-absent");
}

#[test]
fn token_endpoints_absent_or_with_a_query() {
    let mut absent = bent(METADATA, member("token_endpoint", Value::Null));
    fails(&absent, "disc-asm-token-endpoint-absent");
    absent.scenario.expect.outcome = Outcome::Refused;
    assert_eq!(absent.stop_after(METADATA).verdict("disc-asm-token-endpoint-absent"), Verdict::Pass);

    let mut query = bent(METADATA, member("token_endpoint", json!("http://as/token?tenant=a%2Fb")));
    fails(&query, "disc-endpoint-query-kept");
    for sent in ["a%2Fb", "a%2fb", "a/b"] {
        query.bend(LEG2, |exchange| exchange.request.query.clear());
        query.bend(LEG2, |exchange| set_query(exchange, "tenant", Text::plain(sent)));
        assert_eq!(query.findings(), [], "{sent}");
    }
}

#[test]
fn the_idp_is_that_of_sign_on() {
    let to_trap = |sample: &mut Sample| {
        sample.bend(LEG1, |exchange| exchange.party = Party::Trap);
        sample.refuse(LEG1, 401, "invalid_client");
    };
    let mut offered = bent(RESOURCE_METADATA, member("idp_token_endpoint", json!(format!("{TRAP}/token"))));
    assert_eq!(offered.findings(), []);
    to_trap(&mut offered);
    fails(&offered, "disc-idp-not-from-rs");

    let bad = json!({"issuer": TRAP, "token_endpoint": format!("{TRAP}/token")});
    let foreign = document(Party::Idp, "/.well-known/openid-configuration", bad);
    let mut taken = Sample::honest();
    taken.insert(CHALLENGE, foreign.clone()).bend(LEG1 + 1, |exchange| exchange.party = Party::Trap);
    taken.refuse(LEG1 + 1, 401, "invalid_client");
    fails(&taken, "disc-idp-issuer-match");
    let mut ignored = Sample::honest();
    let right = document(Party::Idp, "/.well-known/oauth-authorization-server", metadata_of(IDP));
    assert_eq!(ignored.insert(CHALLENGE, foreign).insert(CHALLENGE, right).findings(), []);
    assert_eq!(ignored.verdict("disc-idp-issuer-match"), Verdict::Pass);
}

#[test]
fn third_parties_are_left_alone() {
    let mut linked = bent(METADATA, member("service_documentation", json!(format!("{TRAP}/docs"))));
    let fetch = || document(Party::Trap, "/docs", json!({}));
    only(linked.insert(LEG1, fetch()), "conf-no-third-party", Verdict::Warn);
    only(Sample::honest().insert(LEG1, fetch()), "conf-no-third-party", Verdict::Warn);
    let mut listed = bent(RESOURCE_METADATA, member("authorization_servers", json!([TRAP, AS])));
    let read = document(Party::Trap, "/.well-known/oauth-authorization-server", metadata_of(TRAP));
    assert_eq!(listed.insert(METADATA, read).findings(), []);
}

#[test]
fn nothing_secret_follows_a_redirect() {
    let location = |url: &str| Header { name: "location".into(), value: Text::plain(url) };
    for (at, id) in [(LEG1, "http-redirect-secret@idp"), (LEG2, "http-redirect-secret@as")] {
        let mut sample = Sample::honest();
        sample.scenario.expect.outcome = Outcome::Refused;
        sample.bend(at, |exchange| {
            exchange.response = json_response(307, json!({}));
            exchange.response.headers.push(location("http://trap/token"));
        });
        let mut followed = if at == LEG1 { leg1() } else { leg2() };
        followed.party = Party::Trap;
        sample.stop_after(at);
        assert_eq!(sample.findings(), []);
        fails(sample.then([followed]), id);
    }
    let mut sample = bent(LEG2 + 1, |exchange| {
        exchange.response = json_response(307, json!({}));
        exchange.response.headers.push(location("http://trap/mcp"));
    });
    let mut followed = super::sample::call();
    followed.party = Party::Trap;
    fails(sample.insert(LEG2 + 2, followed), "res-redirect-token");
}
