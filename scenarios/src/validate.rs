//! What is readable in a script and cannot be meant.

mod answers;

use std::collections::HashSet;

use toml::Spanned;

use crate::catalogue::Catalogue;
use crate::file::File;
use crate::party::Party;
use crate::profile::Capability;
use crate::reply::{Page, Step};
use crate::scenario::{Outcome, Scenario};
use crate::script::{AsScript, IdpScript, McpScript};
use crate::source::{Problem, Source};

use answers::{bend_texts, step_contradictions, text_problems};

/// The candidate that `word` was most likely meant to be.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}

/// Names of the stage that text in a reply may stand for, written `{as.issuer}`.
pub const PLACEHOLDERS: &[&str] = &[
    "as.authorization_endpoint",
    "as.issuer",
    "as.origin",
    "as.port",
    "as.registration_endpoint",
    "as.token_endpoint",
    "as2.issuer",
    "as2.origin",
    "as2.token_endpoint",
    "date.past",
    "date.soon",
    "idp.issuer",
    "idp.jwks_uri",
    "idp.origin",
    "idp.token_endpoint",
    "mcp.metadata_url",
    "mcp.origin",
    "mcp.resource",
    "mcp2.metadata_url",
    "mcp2.origin",
    "mcp2.resource",
    "secret.as_client_secret",
    "secret.as_refresh_token",
    "secret.id_jag",
    "secret.id_token",
    "secret.idp_client_secret",
    "secret.idp_refresh_token",
    "trap.issuer",
    "trap.origin",
    "trap.token_endpoint",
];

/// Requirements, faults and capabilities that do not exist, and ids that are none.
pub(crate) fn word_problems(file: &File, source: Source<'_>, faults: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let catalogue = Catalogue::embedded();
    let judged = catalogue.iter().filter(|row| row.planned.is_none());
    let requirements: Vec<_> = judged.map(|row| row.id.as_str()).collect();
    let mut check = |words: &[Spanned<String>], known: &[&str], kind: &str| {
        for word in words.iter().filter(|word| !known.contains(&word.get_ref().as_str())) {
            let name = word.get_ref();
            let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let (what, hint) = match catalogue.find(name) {
                Some(_) => (format!("`{name}` is planned, nothing judges it yet"), None),
                None => (format!("no {kind} is called `{name}`"), near),
            };
            problems.push(source.problem(Some(word.span()), what, hint));
        }
    };
    let capabilities: Vec<_> = Capability::all().iter().map(ToString::to_string).collect();
    let capabilities: Vec<_> = capabilities.iter().map(String::as_str).collect();
    let none = Vec::new();
    check(&file.requirements, &requirements, "requirement");
    check(&file.faults, faults, "fault of the reference client");
    check(&file.needs, &capabilities, "capability");
    for once in file.once.iter().chain(file.case.iter().filter_map(|case| case.once.as_ref())) {
        check(&once.requirements, &requirements, "requirement");
        check(&once.faults, faults, "fault of the reference client");
    }
    for case in &file.case {
        check(case.requirements.as_ref().unwrap_or(&none), &requirements, "requirement");
        check(case.faults.as_ref().unwrap_or(&none), faults, "fault of the reference client");
        check(case.needs.as_ref().unwrap_or(&none), &capabilities, "capability");
    }

    let places = file.at.iter().chain(file.case.iter().flat_map(|case| case.at.iter().flatten()));
    for place in places.filter(|place| ![Party::Idp, Party::As].contains(place.get_ref())) {
        let what = format!("`{}` has no token endpoint that `at` could name", place.get_ref());
        problems.push(source.problem(Some(place.span()), what, Some("name `idp`, `as` or both".into())));
    }

    for at in std::iter::once(&file.at).chain(file.case.iter().filter_map(|case| case.at.as_ref())) {
        let mut seen = HashSet::new();
        for place in at.iter().filter(|place| !seen.insert(*place.get_ref())) {
            let what = format!("`at` names `{}` twice", place.get_ref());
            problems.push(source.problem(Some(place.span()), what, Some("name each once".into())));
        }
    }

    for (_, variant) in file.clone().variants() {
        problems.extend(leg_problems(&variant, source));
    }

    let mut seen = HashSet::new();
    for id in file.case.iter().map(|case| &case.id) {
        let slug = id.get_ref();
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if slug.is_empty() || !slug.chars().all(legal) {
            let what = format!("`{slug}` is no case id: use lower-case letters, digits and `-`");
            problems.push(source.problem(Some(id.span()), what, None));
        } else if !seen.insert(slug) {
            problems.push(source.problem(Some(id.span()), format!("two cases are called `{slug}`"), None));
        }
    }
    problems
}

/// `at`, `token` and `once` belong together and leave no other answers for their token endpoint.
fn leg_problems(file: &File, source: Source<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |near: &str, what: String, hint: &str| {
        problems.push(source.problem(source.find(near), what, Some(hint.to_owned())));
    };
    if file.at.is_empty() {
        for key in [("token", !file.token.is_empty()), ("once", file.once.is_some())] {
            if let (key, true) = key {
                let what = format!("`{key}` stands without `at`");
                problem(key, what, "say in `at` whose token endpoint answers so: `idp`, `as` or both");
            }
        }
    } else if file.token.is_empty() {
        problem("at = ", "`at` stands without `token`".into(), "write in `[[token]]` what is answered there");
    }
    for party in file.at.iter().map(Spanned::get_ref) {
        if !file.own_answers(*party).is_empty() {
            let what =
                format!("`at` and `[[{party}.token]]` both say what is answered at one token endpoint");
            problem(&format!("{party}.token"), what, "keep `token`, or drop the party from `at`");
        }
    }
    problems
}

/// What is readable and cannot be meant.
pub(crate) fn contradictions(scenario: &Scenario, source: Source<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |near: &str, what: String, hint: &str| {
        problems.push(source.problem(source.find(near), what, Some(hint.to_owned())));
    };
    if scenario.requirements.is_empty() {
        problem(
            "title",
            "the scenario names no requirement".into(),
            match scenario.at {
                None => "add `requirements = [\"…\"]`: what it exists to provoke",
                Some(_) => {
                    "name one that is judged at this leg: `jb…` is left out at the IdP, `tx…` at the other server"
                }
            },
        );
    }
    if let Some(profile) = scenario.profile
        && !scenario.belongs_to(profile)
    {
        let what = format!("the scenario fixes profile `{profile}` and does not belong to it");
        problem("profile", what, "name the profile in `profiles`, or drop one of the two");
    }
    if scenario.expect.outcome == Outcome::Authorized && scenario.expect.surfaced != Default::default() {
        problem(
            "surfaced",
            "a client that is authorized has nothing to surface".into(),
            "set `outcome = \"refused\"`",
        );
    }
    for (key, path) in paths(scenario) {
        if !(path.is_empty() || path.starts_with('/')) {
            problem(
                &format!("\"{path}\""),
                format!("`{key}` is `{path}`, which does not start with `/`"),
                "write it as a URL path",
            );
        }
        if path.contains('#') {
            let what = format!("`{key}` is `{path}`, and a client sends no fragment");
            problem(&format!("\"{path}\""), what, "drop `#` and what is behind it");
        }
    }
    for (at, call) in scenario.client.calls.iter().enumerate() {
        let twice = scenario.client.calls[..at].iter().any(|other| other.tool == call.tool);
        match call.to {
            _ if twice => problem(
                "calls",
                format!("two calls use the tool `{}`", call.tool),
                "give each call a tool of its own, so that they can be told apart",
            ),
            Party::Mcp => {}
            Party::Mcp2 if scenario.second_mcp.is_some() => {}
            other => problem(
                "calls",
                format!("a call goes to `{other}`, which is no MCP server of this scenario"),
                "call `mcp`, or `mcp2` and write a section `[mcp2]`",
            ),
        }
    }
    if !scenario.client.calls.is_empty() && !scenario.needs.contains(&Capability::Calls) {
        problem(
            "calls",
            "the client is told calls that it need not know".into(),
            "add `needs = [\"calls\"]`",
        );
    }
    if mcp_servers(scenario).any(|script| script.first_token_good_for == Some(0)) {
        problem(
            "first_token_good_for",
            "the first access token is good for no request".into(),
            "give it at least one; for a server that takes none, use `[[mcp.mcp]]` with status 401",
        );
    }
    for (section, is_there, names) in [
        ("as2", scenario.second_as.is_some(), ["{as2.issuer}", "{as2.token_endpoint}"]),
        ("mcp2", scenario.second_mcp.is_some(), ["{mcp2.resource}", "{mcp2.metadata_url}"]),
    ] {
        if let Some(name) = names.into_iter().find(|name| !is_there && scenario.text.contains(name)) {
            problem(
                name,
                format!("`{name}` names a server that is not there"),
                &format!("add `[{section}]`"),
            );
        }
    }
    if authorization_servers(scenario).any(|script| script.auth_methods.is_empty()) {
        problem(
            "auth_methods",
            "the client may use no authentication method".into(),
            "to leave metadata silent, use `metadata = { remove = [\"token_endpoint_auth_methods_supported\"] }`",
        );
    }
    let bends = [&scenario.idp.metadata, &scenario.trap.metadata].into_iter();
    let bends = bends.chain(authorization_servers(scenario).map(|script| &script.metadata));
    for bend in bends.chain(mcp_servers(scenario).map(|script| &script.metadata)) {
        bend_texts(bend).iter().for_each(|text| text_problems(text, &mut problem));
    }
    for page in pages(scenario) {
        step_contradictions(&Step { reply: Some(page.reply.clone()), ..Step::default() }, &mut problem);
    }
    let (minting, others) = steps(scenario);
    if others.iter().any(|step| step.token != Default::default()) {
        let what = "a token is changed where none is minted".to_owned();
        problem("token = ", what, "write it in `[[idp.token]]` or `[[as.token]]`");
    }
    for step in minting.into_iter().chain(others) {
        step_contradictions(step, &mut problem);
    }
    problems
}

/// Every path that a script writes, with its key.
fn paths(scenario: &Scenario) -> Vec<(&'static str, &str)> {
    let Scenario { idp, trap, .. } = scenario;
    let mut paths = vec![("path", &*idp.path), ("token_path", &*idp.token_path), ("path", &*trap.path)];
    for script in authorization_servers(scenario) {
        paths.extend([("path", &*script.path), ("token_path", &*script.token_path)]);
    }
    for script in mcp_servers(scenario) {
        paths.push(("path", &script.path));
        paths.extend(script.metadata_path.iter().map(|path| ("metadata_path", &**path)));
    }
    paths.extend(pages(scenario).map(|page| ("path", &*page.path)));
    paths
}

fn authorization_servers(scenario: &Scenario) -> impl Iterator<Item = &AsScript> {
    std::iter::once(&scenario.resource_as).chain(&scenario.second_as)
}

fn mcp_servers(scenario: &Scenario) -> impl Iterator<Item = &McpScript> {
    std::iter::once(&scenario.mcp).chain(&scenario.second_mcp)
}

fn pages(scenario: &Scenario) -> impl Iterator<Item = &Page> {
    mcp_servers(scenario).flat_map(|script| &script.pages).chain(&scenario.trap.pages)
}

/// The answers of token endpoints, and all others.
fn steps(scenario: &Scenario) -> (Vec<&Step>, Vec<&Step>) {
    let IdpScript { openid_metadata, oauth_metadata, jwks, token, .. } = &scenario.idp;
    let (mut minting, mut others) = (vec![token], vec![openid_metadata, oauth_metadata, jwks]);
    for script in authorization_servers(scenario) {
        minting.push(&script.token);
        others.extend([&script.oauth_metadata, &script.openid_metadata]);
    }
    for script in mcp_servers(scenario) {
        others.extend([&script.resource_metadata, &script.challenge, &script.step_up, &script.mcp]);
    }
    [minting, others].map(|lists| lists.into_iter().flatten().collect()).into()
}
