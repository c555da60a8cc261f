//! What the client makes of tokens that end or do not suffice, and where it uses them.

use serde_json::{Value, json};

use crosscheck_scenarios::{Call, EndpointName, McpScript, Outcome, Party, Profile, Replay, User};
use crosscheck_wire::Text;
use crosscheck_wire::ledger::ValueKind;
use crosscheck_wire::transcript::{Exchange, Header, Output};

use crate::check::Verdict;

use super::sample::{
    FIRST_CALL, LEG1, LEG2, METADATA, RESOURCE_METADATA, SECOND_CALL, Sample, TRAP, around, basic, call,
    challenge, document, exchange, flow, json_response, leg1, leg2, metadata_of, second_call, second_flow,
    set, set_header, value,
};
use super::{bent, fails, only};

fn warns(sample: &Sample, id: &str) {
    only(sample, id, Verdict::Warn);
}

fn invalid_grant(grant: &str) -> Exchange {
    let mut refused = leg2();
    set(&mut refused, "assertion", Text::value(grant));
    refused.response = json_response(400, json!({"error": "invalid_grant"}));
    refused
}

/// The honest flow with a last call that the server refuses as unauthorized.
fn revoked() -> Sample {
    let mut sample = Sample::honest();
    sample.calls("access_token#1", 401);
    sample
}

/// The honest flow with a last call that needs a scope.
fn lacking(challenge: &str) -> Sample {
    let mut sample = Sample::honest();
    sample.calls("access_token#1", 403);
    let value = Text::plain(challenge.to_owned());
    let header = Header { name: "www-authenticate".into(), value };
    sample.bend(SECOND_CALL + 1, |exchange| exchange.response.headers.push(header));
    sample
}

const WRITE: &str = "Bearer error=\"insufficient_scope\", scope=\"files:write\"";

fn scoped(scope: &str) -> [Exchange; 2] {
    let [mut leg1, leg2] = flow(2);
    set(&mut leg1, "scope", Text::plain(scope.to_owned()));
    [leg1, leg2]
}

#[test]
fn a_token_that_ended_is_replaced() {
    warns(&revoked(), "res-401-refetch");
    assert_eq!(revoked().then(flow(2)).calls("access_token#2", 200).findings(), []);
    assert_eq!(revoked().then([leg1(), invalid_grant("id_jag#1")]).verdict("res-401-refetch"), Verdict::Pass);
    let mut changed = revoked();
    let list = json!({"resource": "http://mcp/mcp", "authorization_servers": [TRAP]});
    changed.then([document(Party::Mcp, "/.well-known/oauth-protected-resource/mcp", list)]);
    assert_eq!(changed.findings(), []);
    let mut short = revoked();
    short.bend(LEG2, |exchange| exchange.response.body.json.as_mut().unwrap()["expires_in"] = json!(1));
    warns(&short, "life-access-expiry");
    assert_eq!(short.then(flow(2)).calls("access_token#2", 200).findings(), []);
}

#[test]
fn constant_refusals_end() {
    let refused = |exchange: &mut Exchange| exchange.response.status = 401;
    let mut sample = Sample::honest();
    sample.scenario.expect.outcome = Outcome::Refused;
    sample.bend(FIRST_CALL, refused).bend(SECOND_CALL, refused);
    sample.calls("access_token#1", 401).calls("access_token#1", 401);
    assert_eq!(sample.findings(), []);
    fails(sample.calls("access_token#1", 401), "res-401-bounded");

    let bare = |count| {
        let mut sample = Sample::honest();
        for _ in 0..count {
            sample.insert(0, exchange(Party::Mcp, EndpointName::Mcp, "POST", "/mcp", 401));
        }
        sample
    };
    assert_eq!(bare(3).findings(), []);
    warns(&bare(8), "res-401-bare");

    let mut grants = Sample::honest();
    grants.stop_after(METADATA);
    grants.scenario.expect.outcome = Outcome::Refused;
    for number in ["id_jag#1", "id_jag#2", "id_jag#1", "id_jag#2"] {
        let [mut leg1, _] = flow(1);
        leg1.response = json_response(200, json!({"access_token": format!("«{number}»")}));
        grants.then([leg1, invalid_grant(number)]);
    }
    assert_eq!(grants.verdict("jbe-total-bounded"), Verdict::Fail);
    grants.stop_after(METADATA + 4);
    assert_eq!(grants.verdict("jbe-total-bounded"), Verdict::Pass);
}

#[test]
fn a_missing_scope_is_asked_for() {
    warns(&lacking(WRITE), "res-403-step-up");
    for scope in ["files:read files:write", "files:write files:read"] {
        assert_eq!(lacking(WRITE).then(scoped(scope)).calls("access_token#2", 200).findings(), []);
    }
    let mut dropped = lacking(WRITE);
    warns(dropped.then(scoped("files:write")).calls("access_token#2", 200), "res-403-scope-union");
    dropped.transcript.profile = Profile::Mcp2025;
    only(&dropped, "res-403-scope-union", Verdict::Info);
    let unnamed = "Bearer error=\"insufficient_scope\"";
    assert_eq!(lacking(unnamed).findings(), []);
    warns(lacking(unnamed).then(scoped("undefined")), "res-403-no-scope-named");
    let mut never = lacking(WRITE);
    for number in 0..4 {
        never.then(scoped("files:read files:write"));
        assert_eq!(never.verdict("res-403-bounded"), if number < 3 { Verdict::Pass } else { Verdict::Warn });
        let refused = never.transcript.exchanges[SECOND_CALL + 1].clone();
        never.then([refused]);
    }
    let mut plain = lacking("");
    assert_eq!(plain.findings(), []);
    warns(plain.then(scoped("files:read")).calls("access_token#2", 403), "res-403-other");
}

#[test]
fn tokens_are_used_while_they_are_good() {
    let fetched = |count: usize| {
        let mut sample = Sample::honest();
        for number in 5..5 + count {
            let (grant, token) = (format!("id_jag#{number}"), format!("access_token#{number}"));
            sample.transcript.values.push(value(&grant, ValueKind::Token, &[Party::As]));
            sample.transcript.values.push(value(&token, ValueKind::Token, &[Party::Mcp]));
            sample.then(flow(number)).calls(&token, 200);
        }
        sample
    };
    assert_eq!(fetched(2).findings(), []);
    warns(&fetched(3), "life-token-reused");
    assert_eq!(
        fetched(3).finding().covers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["tx-not-repeated-idly"]
    );
    let exchanges = || vec![leg1(); 3];
    warns(Sample::honest().then(exchanges()), "tx-not-repeated-idly");
    let mut short = Sample::honest();
    short.then(exchanges());
    for exchange in short.transcript.exchanges.iter_mut().filter(|exchange| exchange.party == Party::Idp) {
        exchange.response.body.json.as_mut().unwrap()["expires_in"] = json!(5);
    }
    assert_eq!(short.findings(), []);
}

#[test]
fn a_token_that_ends_at_once_is_fetched_anew() {
    let mut sample = Sample::honest();
    sample.transcript.values.push(value("access_token#1", ValueKind::Token, &[Party::Mcp]));
    for _ in 0..4 {
        sample.then([challenge()].into_iter().chain(flow(1))).calls("access_token#1", 200);
    }
    let found: Vec<_> = sample.findings().into_iter().map(|(id, _)| id).collect();
    assert_eq!(found, ["res-every-request", "tx-not-repeated-idly", "life-token-reused"]);
    for exchange in sample.transcript.exchanges.iter_mut().filter(|exchange| exchange.party == Party::As) {
        let members = exchange.response.body.json.as_mut().and_then(Value::as_object_mut);
        members.map(|members| members.insert("expires_in".into(), json!(-1)));
    }
    assert_eq!(sample.findings(), []);
}

#[test]
fn grants_that_are_no_longer_good() {
    for (replay, id) in [(Replay::Expired, "life-grant-expired"), (Replay::Refuse, "life-replay-recovered")] {
        let mut sample = revoked();
        sample.scenario.resource_as.replay = replay;
        warns(sample.then([invalid_grant("id_jag#1")]), id);
        assert_eq!(sample.then(flow(2)).calls("access_token#2", 200).findings(), []);
        let mut again = revoked();
        again.then([invalid_grant("id_jag#1"), invalid_grant("id_jag#1")]).then(flow(2));
        warns(again.calls("access_token#2", 200), "jb-not-expired");
    }
    let mut never_good = Sample::honest();
    never_good.scenario.expect.outcome = Outcome::Refused;
    never_good.refuse(LEG2, 400, "invalid_grant").then([invalid_grant("id_jag#1")]);
    only(&never_good, "jbe-invalid-grant", Verdict::Info);
    let mut late = Sample::honest();
    late.bend(LEG1, |exchange| exchange.response.body.json.as_mut().unwrap()["expires_in"] = json!(5));
    late.bend(LEG2, |exchange| exchange.at_us = 34_000_000);
    assert_eq!(late.findings(), []);
    warns(late.bend(LEG2, |exchange| exchange.at_us = 36_000_000), "jb-not-expired");
}

#[test]
fn an_expired_id_token_is_told() {
    let mut sample = Sample::honest();
    sample.scenario.client.id_token_expired = true;
    sample.scenario.expect.outcome = Outcome::Refused;
    only(sample.refuse(LEG1, 400, "invalid_grant"), "life-id-token-expired", Verdict::Info);
}

/// The honest flow with calls of tools as a script lists them.
fn called(calls: &[(Party, &str, User)]) -> Sample {
    let mut sample = Sample::honest();
    let listed = calls.iter().map(|(to, tool, user)| Call { to: *to, tool: (*tool).into(), user: *user });
    sample.scenario.client.calls = listed.collect();
    sample.scenario.second_mcp = Some(McpScript::default());
    sample
}

fn tool(name: &str, token: &str) -> Exchange {
    let mut call = call();
    set_header(&mut call, "authorization", around("Bearer ", token, ""));
    call.request.body.json = Some(json!({"method": "tools/call", "params": {"name": name}}));
    call
}

#[test]
fn a_token_of_one_user_is_not_used_for_another() {
    let calls = [(Party::Mcp, "one", User::First), (Party::Mcp, "two", User::Second)];
    fails(
        called(&calls).then([tool("one", "access_token#1"), tool("two", "access_token#1")]),
        "life-user-change",
    );
    let [mut leg1, leg2] = flow(2);
    set(&mut leg1, "subject_token", Text::value("other_id_token"));
    let mut probe = tool("two", "access_token#2");
    probe.request.headers.clear();
    probe.response.status = 401;
    let changed = [tool("one", "access_token#1"), probe, leg1, leg2, tool("two", "access_token#2")];
    assert_eq!(called(&calls).then(changed).findings(), []);
}

#[test]
fn nothing_crosses_over_between_servers() {
    let calls = [(Party::Mcp, "one", User::First), (Party::Mcp2, "two", User::First)];
    let two = || {
        let mut sample = called(&calls);
        sample.scenario.second_as = Some(sample.scenario.resource_as.clone());
        let registration = sample.registration(Party::As).clone();
        sample.transcript.registrations.insert(Party::As2, registration);
        let second =
            document(Party::As2, "/.well-known/oauth-authorization-server", metadata_of("http://as2"));
        sample.then([second]);
        sample
    };
    assert_eq!(two().then(second_flow()).then([second_call()]).findings(), []);

    let mut token = second_call();
    set_header(&mut token, "authorization", around("Bearer ", "access_token#1", ""));
    token.response.status = 401;
    fails(two().then([token]), "multi-token-per-resource");

    let [leg1, leg2] = second_flow();
    let mut grant = leg2.clone();
    set(&mut grant, "assertion", Text::value("id_jag#1"));
    grant.response = json_response(400, json!({"error": "invalid_grant"}));
    fails(two().then([grant]), "multi-grant-per-as");

    let mut audience = leg1.clone();
    set(&mut audience, "audience", Text::plain("http://as"));
    audience.response = json_response(400, json!({"error": "invalid_target"}));
    fails(two().then([audience]), "multi-audience-follows");

    let mut credential = leg2;
    let other = basic(&Text::value("as2.client_id"), &Text::value("as.client_secret"));
    set_header(&mut credential, "authorization", other);
    credential.response = json_response(401, json!({"error": "invalid_client"}));
    fails(two().then([leg1, credential]), "multi-credential-per-as");
}

/// The honest flow up to the exchange for the trap, and the credential that then goes there.
fn lured(sample: &mut Sample) -> [Exchange; 3] {
    let document = document(Party::Trap, "/.well-known/oauth-authorization-server", metadata_of(TRAP));
    let [mut leg1, mut leg2] = flow(4);
    set(&mut leg1, "audience", Text::plain(TRAP));
    leg2.party = Party::Trap;
    leg2.response = json_response(401, json!({"error": "invalid_client"}));
    sample.transcript.context.push("issuer".into());
    [document, leg1, leg2]
}

#[test]
fn credentials_stay_with_their_issuer() {
    let list = |servers: &[&str]| json!({"resource": "http://mcp/mcp", "authorization_servers": servers});
    let listed = document(Party::Mcp, "/.well-known/oauth-protected-resource/mcp", list(&[TRAP]));
    let mut stranger = Sample::honest();
    let lure = lured(&mut stranger);
    stranger.stop_after(RESOURCE_METADATA).bend(RESOURCE_METADATA, |exchange| *exchange = listed.clone());
    assert_eq!(stranger.verdict("multi-credential-per-as"), Verdict::Pass);
    fails(stranger.then(lure.clone()), "multi-credential-per-as");
    let mut changed = revoked();
    lured(&mut changed);
    fails(changed.then([listed]).then(lure), "multi-as-changed");

    let mut other = Sample::honest();
    let [document, _, mut leg2] = lured(&mut other);
    set(&mut leg2, "assertion", Text::value("id_jag#1"));
    other.stop_after(LEG1).insert(LEG1, document).then([leg2]);
    other.bend(RESOURCE_METADATA, |exchange| {
        exchange.response = json_response(200, list(&[TRAP, super::sample::AS]))
    });
    fails(&other, "jb-endpoint-of-audience");
}

#[test]
fn the_identifier_of_another_server_is_not_fetched_for() {
    let mut sample = called(&[]);
    sample.bend(RESOURCE_METADATA, |exchange| {
        exchange.response.body.json.as_mut().unwrap()["resource"] = json!("http://mcp2/mcp");
    });
    sample.bend(LEG1, |exchange| set(exchange, "resource", Text::plain("http://mcp2/mcp")));
    fails(&sample, "multi-foreign-resource-claim");
}

#[test]
fn resources_registrations_and_further_places_of_tokens() {
    let resource =
        |value: &'static str| bent(LEG2, move |exchange| set(exchange, "resource", Text::plain(value)));
    fails(&resource("http://as"), "jb-resource");
    warns(&resource("http://mcp:80/mcp"), "jb-resource");
    let cookie = around("token=", "access_token#1", "");
    fails(&bent(FIRST_CALL, |exchange| set_header(exchange, "cookie", cookie)), "res-one-method");
    let register = || exchange(Party::As, EndpointName::Registration, "POST", "/register", 403);
    warns(Sample::honest().insert(LEG1, register()), "cid-no-surprise-registration");
}

#[test]
fn what_the_client_writes_about_a_refusal() {
    let mut sample = Sample::honest();
    sample.scenario.expect.outcome = Outcome::Refused;
    sample.refuse(LEG2, 400, "invalid_grant");
    assert_eq!(sample.findings(), []);
    let text = around("POST assertion=", "id_jag#1", "");
    sample.transcript.client.stderr = Output { text, ..Output::default() };
    fails(&sample, "conf-error-output-safe");
}
