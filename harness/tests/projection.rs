//! A hundred runs in a row, in shuffled schedules: one canonical exchange for each permitted course.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crosscheck::run::{PlayedResult, Player};
use crosscheck::self_proof::{Subject, Trial, settings};
use crosscheck::snapshot::{canonical, course};
use crosscheck_reference_client::{Control, Fault};
use crosscheck_scenarios::{EndpointName, Party, Scenarios};
use crosscheck_wire::Transcript;

/// Runs of each scenario.
const RUNS: usize = 50;
/// Any number: it makes a failure come again.
const SEED: u64 = 7523;

/// One that ends in one way, and one that permits two.
const SCENARIOS: [&str; 2] = ["flow/complete", "errors/json/j01-rate-limit/as/once"];

#[test]
fn every_right_client_yields_the_exchange_on_file_in_every_run() {
    let faults: Vec<_> = Fault::ALL.iter().map(|fault| fault.slug()).collect();
    let scenarios = Scenarios::embedded(&faults).unwrap();
    let subjects = [Subject::Honest].into_iter().chain(Control::ALL.iter().copied().map(Subject::Control));
    let subjects = subjects.cycle().take(RUNS);
    let mut schedule: Vec<_> =
        SCENARIOS.iter().flat_map(|id| subjects.clone().map(move |subject| (id, subject))).collect();
    let mut random = fastrand::Rng::with_seed(SEED);
    random.shuffle(&mut schedule);

    let (_sender, interrupted) = watch::channel(false);
    let settings = settings(env!("CARGO_BIN_EXE_crosscheck").into(), 1);
    let mut player = Player::new(interrupted.clone()).unwrap();
    let mut seen = BTreeMap::new();
    for (number, (id, subject)) in schedule.into_iter().enumerate() {
        if number % 10 == 9 {
            // Other ports.
            player = Player::new(interrupted.clone()).unwrap();
        }
        let scenario = Arc::new(scenarios.find(id).unwrap().clone());
        let played = Trial { id: String::new(), subject, scenario }.play(&mut player, &settings).unwrap();
        let PlayedResult::Judged { transcript, difference, .. } = played.result else {
            panic!("{id} applies")
        };
        assert_eq!(difference, [], "{id} {subject:?}");
        let text = canonical(&transcript);
        let shuffled = shuffled(&transcript, &mut random);
        assert_ne!(shuffled, *transcript);
        assert_eq!(canonical(&shuffled), text, "{id} {subject:?}");
        assert_eq!(
            *seen.entry((id, course(&text))).or_insert_with(|| text.clone()),
            text,
            "{id} {subject:?}"
        );
    }
    let courses: Vec<_> = seen.keys().map(|(id, course)| (**id, course.as_str())).collect();
    assert_eq!(
        courses,
        [(SCENARIOS[1], "authorized"), (SCENARIOS[1], "refused-by-as"), (SCENARIOS[0], "authorized")]
    );
}

/// The same run on other ports, with other numbers of tokens, and with everything in another order that is a client's to
/// choose: discovery, headers, parameters.
fn shuffled(transcript: &Transcript, random: &mut fastrand::Rng) -> Transcript {
    let mut text = serde_json::to_string(transcript).unwrap();
    for party in Party::ALL {
        if let Some((_, port)) =
            transcript.stage.get(&format!("{party}.origin")).and_then(|origin| origin.rsplit_once(':'))
        {
            // Nothing else has ports of one digit more.
            text = text.replace(port, &format!("{port}{}", random.u8(0..10)));
        }
    }
    for kind in ["id_jag", "access_token"] {
        text = text.replace(&format!("{kind}#"), &format!("{kind}#{}", random.u8(1..10)));
    }
    let mut transcript: Transcript = serde_json::from_str(&text).unwrap();
    let exchanges = &mut transcript.exchanges;
    let (mut discovery, others): (Vec<_>, Vec<_>) = std::mem::take(exchanges)
        .into_iter()
        .partition(|exchange| !matches!(exchange.endpoint, EndpointName::Token | EndpointName::Mcp));
    random.shuffle(&mut discovery);
    *exchanges = others;
    for exchange in discovery {
        exchanges.insert(random.usize(0..=exchanges.len()), exchange);
    }
    for (place, exchange) in exchanges.iter_mut().enumerate() {
        exchange.number = place + 1;
        random.shuffle(&mut exchange.request.headers);
        random.shuffle(&mut exchange.request.body.params);
        random.shuffle(&mut exchange.response.headers);
    }
    transcript
}
