//! What looks odd and is legitimate: nothing may be found in it.

use serde_json::json;

use crosscheck_scenarios::{Capability, EndpointName, Party};
use crosscheck_wire::transcript::{Exchange, Param};
use crosscheck_wire::{Caller, Text};

use crate::check::Verdict;

use super::breaches::issuer;
use super::sample::{
    FIRST_CALL, IDP, LEG1, LEG2, METADATA, RESOURCE_METADATA, SECOND_CALL, Sample, around, call, challenge,
    exchange, flow, json_response, leg1, leg2, remove, set, set_header,
};

/// Asserts that nothing is found in the honest flow with a change.
fn green(change: impl FnOnce(&mut Sample)) {
    let mut sample = Sample::honest();
    change(&mut sample);
    assert_eq!(sample.findings(), []);
}

fn both_legs(sample: &mut Sample, change: impl Fn(&mut Exchange)) {
    sample.bend(LEG1, &change).bend(LEG2, &change);
}

#[test]
fn the_honest_flow_is_green_and_its_rows_pass() {
    let sample = Sample::honest();
    assert_eq!(sample.findings(), []);
    for id in [
        "flow-order",
        "tx-audience-is-as-issuer",
        "cauth-present@as",
        "jb-client-of-grant",
        "res-every-request",
        "run-outcome",
    ] {
        assert_eq!(sample.verdict(id), Verdict::Pass, "{id}");
    }
    assert_eq!(sample.verdict("cauth-present@idp"), Verdict::NotApplicable);
}

#[test]
fn order_media_type_and_accept_of_token_requests() {
    green(|sample| both_legs(sample, |exchange| exchange.request.body.params.reverse()));
    green(|sample| {
        both_legs(sample, |exchange| {
            set_header(
                exchange,
                "content-type",
                Text::plain("Application/X-WWW-Form-Urlencoded;charset=UTF-8"),
            );
            set_header(exchange, "accept", Text::plain("*/*"));
        })
    });
}

#[test]
fn empty_parameters_are_absent() {
    green(|sample| {
        both_legs(sample, |exchange| {
            for name in ["code", "code", "scope", "client_secret"] {
                exchange.request.body.params.push(Param { name: name.into(), ..Param::default() });
            }
        })
    });
}

#[test]
fn a_client_id_beside_basic_is_identification() {
    green(|sample| {
        sample.bend(LEG2, |exchange| set(exchange, "client_id", Text::value("as.client_id")));
    });
}

#[test]
fn no_scope_anywhere() {
    green(|sample| {
        sample.bend(LEG1, |exchange| remove(exchange, "scope"));
    });
}

#[test]
fn more_scope_and_resource_on_the_second_leg() {
    green(|sample| {
        sample.bend(LEG2, |exchange| {
            set(exchange, "scope", Text::plain("files:read"));
            set(exchange, "resource", Text::plain("http://mcp/mcp"));
        });
    });
}

#[test]
fn no_discovery_at_all() {
    green(|sample| {
        sample.transcript.context.push("issuer".into());
        sample.transcript.exchanges.drain(0..LEG1);
    });
}

#[test]
fn openid_metadata_first_is_told_and_not_counted() {
    let mut sample = Sample::honest();
    sample
        .bend(METADATA, |exchange| exchange.request.path = Text::plain("/.well-known/openid-configuration"));
    assert_eq!(sample.findings(), [("disc-asm-order-root".to_owned(), Verdict::Info)]);
    let mut tenant = Sample::honest();
    tenant.transcript.stage.insert("as.issuer".into(), "http://as/t1".into());
    tenant.bend(LEG1, |exchange| set(exchange, "audience", Text::plain("http://as/t1")));
    tenant.bend(METADATA, |exchange| {
        exchange.request.path = Text::plain("/t1/.well-known/openid-configuration");
        issuer("http://as/t1")(exchange);
    });
    assert_eq!(tenant.findings(), [("disc-asm-order-path".to_owned(), Verdict::Info)]);
}

#[test]
fn metadata_is_fetched_after_the_exchange_and_again() {
    green(|sample| {
        let metadata = sample.transcript.exchanges.remove(METADATA);
        sample.insert(LEG1, metadata.clone()).insert(LEG1, metadata);
    });
}

#[test]
fn probes_of_other_places() {
    green(|sample| {
        for probe in [
            exchange(Party::Idp, EndpointName::Unknown, "GET", "/", 404),
            exchange(
                Party::Idp,
                EndpointName::ResourceMetadata,
                "GET",
                "/.well-known/oauth-protected-resource",
                404,
            ),
            exchange(
                Party::Idp,
                EndpointName::OpenidMetadata,
                "GET",
                "/.well-known/openid-configuration",
                200,
            ),
            exchange(Party::Idp, EndpointName::Token, "HEAD", "/token", 405),
            exchange(
                Party::Mcp,
                EndpointName::ResourceMetadata,
                "GET",
                "/.well-known/oauth-protected-resource",
                200,
            ),
            exchange(Party::Mcp, EndpointName::Mcp, "GET", "/mcp", 405),
            exchange(Party::Mcp, EndpointName::Mcp, "HEAD", "/mcp", 405),
        ] {
            sample.insert(RESOURCE_METADATA, probe);
        }
    });
}

#[test]
fn several_requests_without_a_token_before_the_first_with_one() {
    green(|sample| {
        sample.insert(LEG2, challenge()).insert(FIRST_CALL + 1, challenge());
    });
}

#[test]
fn a_whole_flow_again_after_a_refusal() {
    green(|sample| {
        let mut refused = leg2();
        refused.response = json_response(400, json!({"error": "invalid_grant"}));
        let [leg1, leg2] = flow(2);
        let mut call = call();
        set_header(&mut call, "authorization", around("Bearer ", "access_token#2", ""));
        sample.stop_after(LEG1).then([refused, leg1, leg2, call]);
    });
}

#[test]
fn a_new_grant_for_every_access_token_and_the_same_grant_again() {
    green(|sample| {
        sample.insert(SECOND_CALL, leg1()).insert(SECOND_CALL + 1, leg2());
    });
    green(|sample| {
        sample.insert(SECOND_CALL, leg2());
    });
}

#[test]
fn sign_on_is_renewed_at_the_idp() {
    green(|sample| {
        let mut renewal = exchange(Party::Idp, EndpointName::Token, "POST", "/token", 200);
        set(&mut renewal, "grant_type", Text::plain("refresh_token"));
        set(&mut renewal, "client_id", Text::value("idp.client_id"));
        sample.insert(LEG1, renewal);
    });
}

#[test]
fn the_form_in_which_the_configuration_asks_for_scope_is_free() {
    green(|sample| {
        sample.scenario.client.scope = Some("files:admin".into());
        sample.bend(LEG1, |exchange| set(exchange, "scope", Text::plain("files:admin")));
    });
}

#[test]
fn identifiers_in_output() {
    green(|sample| sample.transcript.client.stdout.text = Text::value("as.client_id"));
}

#[test]
fn a_further_session_that_begins_without_a_token() {
    for method in ["initialize", "server/discover"] {
        green(|sample| {
            let mut probe = exchange(Party::Mcp, EndpointName::Mcp, "POST", "/mcp", 401);
            probe.request.body.json = Some(json!({ "jsonrpc": "2.0", "id": 1, "method": method }));
            sample.insert(SECOND_CALL, probe);
        });
    }
}

#[test]
fn strays_and_requests_of_the_servers_are_not_judged() {
    green(|sample| {
        let mut stray = call();
        stray.stray = true;
        set_header(&mut stray, "authorization", Text::plain("Bearer other"));
        let mut keys = exchange(Party::Idp, EndpointName::Jwks, "GET", "/jwks", 200);
        keys.caller = Caller::As;
        set_header(&mut keys, "authorization", Text::plain("Bearer other"));
        sample.insert(FIRST_CALL, stray).insert(FIRST_CALL, keys);
    });
}

#[test]
fn a_grant_from_outside_has_no_first_leg() {
    green(|sample| {
        sample.transcript.declared.push(Capability::Leg1Outside);
        sample.transcript.exchanges.remove(LEG1);
        sample.transcript.stage.insert("idp.issuer".into(), IDP.into());
    });
}
