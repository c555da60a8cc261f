//! What is readable in a script and cannot be meant.

use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::Value;
use toml::Spanned;

use crate::catalogue::Catalogue;
use crate::file::File;
use crate::party::Party;
use crate::profile::Capability;
use crate::reply::{Bend, Page, Step};
use crate::scenario::{Outcome, Scenario};
use crate::script::{AsScript, IdpScript, McpScript};
use crate::source::{Problem, Source};

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
            "add `requirements = [\"…\"]`: what it exists to provoke",
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
        text_problems(&bend_text(bend), &mut problem);
    }
    for page in pages(scenario) {
        step_contradictions(&Step { reply: Some(page.reply.clone()), ..Step::default() }, &mut problem);
    }
    for step in steps(scenario) {
        step_contradictions(step, &mut problem);
    }
    problems
}

fn step_contradictions(step: &Step, problem: &mut impl FnMut(&str, String, &str)) {
    if let Some(reply) = &step.reply {
        if !step.json.is_empty() || step.token != Default::default() {
            problem(
                "reply",
                "a step replaces the answer and alters it".into(),
                "keep `reply`, or `json` and `token`",
            );
        }
        let bodies =
            [reply.json.is_some(), reply.body.is_some(), reply.base64.is_some(), reply.long.is_some()];
        if bodies.into_iter().filter(|there| *there).count() > 1 {
            problem(
                "reply",
                "a reply has two bodies".into(),
                "keep one of `json`, `body`, `base64` and `long`",
            );
        }
        if !(200..=599).contains(&reply.status) {
            problem("status", format!("`{}` is no final HTTP status", reply.status), "use 200 to 599");
        }
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let names = step.headers.keys().chain(step.reply.iter().flat_map(|reply| reply.headers.keys()));
    for name in names.filter(|name| name.is_empty() || !name.chars().all(legal)) {
        problem(name, format!("`{name}` is no header name"), "write it as HTTP does, such as `retry-after`");
    }
    for text in step_texts(step) {
        text_problems(&text, problem);
    }
}

/// Everything in a step that may name parts of the stage.
fn step_texts(step: &Step) -> Vec<String> {
    let reply = step.reply.iter();
    let headers = step.headers.values().chain(reply.clone().flat_map(|reply| reply.headers.values()));
    let bodies = reply
        .flat_map(|reply| reply.body.clone().into_iter().chain(reply.json.as_ref().map(Value::to_string)));
    let bends = [&step.json, &step.token.header, &step.token.claims].map(bend_text);
    headers.flatten().cloned().chain(bodies).chain(bends).collect()
}

fn bend_text(bend: &Bend) -> String {
    Value::Object(bend.set.clone()).to_string()
}

/// Bare dates, hosts outside the stage, and names in braces that are none.
fn text_problems(text: &str, problem: &mut impl FnMut(&str, String, &str)) {
    if text.contains("$__toml_private_datetime") {
        problem("reply", "a JSON value is a bare date".into(), "quote dates");
    }
    for host in outside_hosts(text) {
        let what = format!("`{host}` is a host outside the stage, to which a client might be led");
        problem(
            &host,
            what,
            "use a name of the stage such as `{trap.origin}`, or a host that never resolves, such as `a.example`",
        );
    }
    for name in placeholders(text) {
        let near = nearest(name, PLACEHOLDERS.iter().copied()).unwrap_or("as.issuer");
        let what = format!("no part of the stage is called `{{{name}}}`");
        problem(&format!("{{{name}}}"), what, &format!("did you mean `{{{near}}}`?"));
    }
}

/// Hosts of URLs, relative ones included, that are neither loopback nor reserved never to resolve (RFC 2606
/// section 2). A client reads a URL as browsers do: without its slashes, with too many, with backslashes, or with a
/// name before the host.
fn outside_hosts(text: &str) -> Vec<String> {
    let text = text.replace('\\', "/");
    let behind = |mark: &str| text.match_indices(mark).map(|(at, _)| at).collect::<Vec<_>>();
    let slashes = behind("//").into_iter().filter(|at| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|before| !(before.is_alphanumeric() || "/}".contains(before)))
    });
    let lower = text.to_ascii_lowercase();
    let schemes = ["http:", "https:"]
        .into_iter()
        .flat_map(|scheme| lower.match_indices(scheme).map(move |(at, _)| at + scheme.len()));
    let schemes = schemes.filter(|at| !text[*at..].starts_with("//"));
    // An origin of the stage is no more than a name where `@` and another host follow.
    let origins = behind(".origin}").into_iter().map(|at| at + ".origin}".len());
    let origins = origins.filter(|at| authority(&text[*at..]).contains('@'));
    let hosts = slashes.chain(schemes).chain(origins).map(|at| host(authority(&text[at..])));
    hosts.filter(|host| !is_safe(host)).map(str::to_owned).collect()
}

/// What stands between the slashes of a URL and its path.
fn authority(text: &str) -> &str {
    let end = |c: char| !(c.is_alphanumeric() || "-._~%!$&'*+;=:@[]{}".contains(c));
    text.trim_start_matches('/').split(end).next().unwrap_or_default()
}

/// The host of an authority, without a name before it and a port behind it.
fn host(authority: &str) -> &str {
    let host = authority.rsplit('@').next().unwrap_or(authority);
    match host.split_once(']') {
        Some((address, _)) => address.trim_start_matches('['),
        None => host.split(':').next().unwrap_or(host).trim_end_matches('.'),
    }
}

/// Whether no request to `host` leaves the machine.
fn is_safe(host: &str) -> bool {
    let loopback = || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let reserved = [".example", ".invalid", ".test"];
    let host = host.to_ascii_lowercase();
    host.is_empty() || host == "localhost" || reserved.iter().any(|end| host.ends_with(end)) || loopback()
}

/// Words in braces that look like names of the stage and are none.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let candidates = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    candidates.filter(|name| {
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let named = name.split_once('.').is_some_and(|(party, part)| is_word(party) && is_word(part));
        named && !PLACEHOLDERS.contains(name)
    })
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

fn steps(scenario: &Scenario) -> impl Iterator<Item = &Step> {
    let IdpScript { openid_metadata, oauth_metadata, jwks, token, .. } = &scenario.idp;
    let mut lists = vec![openid_metadata, oauth_metadata, jwks, token];
    for script in authorization_servers(scenario) {
        lists.extend([&script.oauth_metadata, &script.openid_metadata, &script.token]);
    }
    for script in mcp_servers(scenario) {
        lists.extend([&script.resource_metadata, &script.challenge, &script.step_up, &script.mcp]);
    }
    lists.into_iter().flatten()
}
