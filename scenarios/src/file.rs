//! A script file as it is written, and how it becomes scenarios.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::id::{FaultSlug, RequirementId, ScenarioId};
use crate::party::{EndpointName, Party};
use crate::profile::{Profile, SpecVersion};
use crate::reply::Step;
use crate::scenario::{Expect, Kind, Outcome, Reached, Scenario};
use crate::script::{AsScript, ClientScript, IdpScript, McpScript, TrapScript};

/// A scenario script. With `[[case]]` tables the file is many scenarios, each of which takes whatever it
/// does not state from the top of the file.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Crosscheck scenario")]
pub(crate) struct File {
    /// One line: what is bent.
    pub(crate) title: String,
    /// Why a client meets this in life.
    pub(crate) why: String,
    /// Requirements that the scenario exists to provoke.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) requirements: Vec<Spanned<String>>,
    /// Faults of the reference client that must turn it red, and nothing else in it.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) faults: Vec<Spanned<String>>,
    /// Whether it is judged (`check`) or only reported (`probe`).
    #[serde(default)]
    kind: Kind,
    /// The token endpoints that `token` is about, `idp` or `as`; a scenario of its own for each, its id with the party
    /// behind it. Requirements of the other leg (`tx…`, `jb…`) are left out, and `reached` need not be stated.
    #[serde(default)]
    #[schemars(with = "Vec<Party>")]
    pub(crate) at: Vec<Spanned<Party>>,
    /// Answers of the token endpoints in `at`.
    #[serde(default)]
    pub(crate) token: Vec<Step>,
    /// A further scenario, its id with `/once` behind it: the answers of `token`, then conforming ones.
    #[serde(default)]
    pub(crate) once: Option<Once>,
    /// Whether a conforming client needs its time for it.
    #[serde(default)]
    slow: bool,
    /// Capabilities that a client must declare for it to apply.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) needs: Vec<Spanned<String>>,
    /// The profile it fixes, over that of the run.
    #[serde(default)]
    profile: Option<Profile>,
    /// The profiles it belongs to; none named means all.
    #[serde(default)]
    profiles: Vec<Profile>,
    /// The MCP revision it fixes, over that of the run.
    #[serde(default)]
    spec_version: Option<SpecVersion>,
    /// How the client is registered and what it is told.
    #[serde(default)]
    client: ClientScript,
    /// What the IdP authorization server does.
    #[serde(default)]
    idp: IdpScript,
    /// What the resource authorization server does.
    #[serde(default, rename = "as")]
    resource_as: AsScript,
    /// What the MCP server does.
    #[serde(default)]
    mcp: McpScript,
    /// What a second resource authorization server does; without it there is none.
    #[serde(default, rename = "as2")]
    second_as: Option<AsScript>,
    /// What a second MCP server does; without it there is none.
    #[serde(default, rename = "mcp2")]
    second_mcp: Option<McpScript>,
    /// What the trap does, a server that no conforming client gives a secret to.
    #[serde(default)]
    trap: TrapScript,
    /// What a conforming client does.
    #[serde(default)]
    expect: Expect,
    /// Variants, each a scenario of its own.
    #[serde(default)]
    pub(crate) case: Vec<Case>,
    /// The one of `at` that this is the script for.
    #[serde(skip)]
    leg: Option<Party>,
}

/// What is asked where an answer comes once only; whether the client tries again is its own choice.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Once {
    /// Requirements that the scenario exists to provoke.
    #[schemars(with = "Vec<String>")]
    pub(crate) requirements: Vec<Spanned<String>>,
    /// Faults of the reference client that must turn it red, and nothing else in it.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) faults: Vec<Spanned<String>>,
}

/// One variant; its id is the file's with `/` and its own behind.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// A slug, unique in the file.
    #[schemars(with = "String")]
    pub(crate) id: Spanned<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    why: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>")]
    pub(crate) requirements: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>")]
    pub(crate) faults: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    kind: Option<Kind>,
    #[serde(default)]
    #[schemars(with = "Option<Vec<Party>>")]
    pub(crate) at: Option<Vec<Spanned<Party>>>,
    #[serde(default)]
    token: Option<Vec<Step>>,
    #[serde(default)]
    pub(crate) once: Option<Once>,
    #[serde(default)]
    slow: Option<bool>,
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>")]
    pub(crate) needs: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    profile: Option<Profile>,
    #[serde(default)]
    profiles: Option<Vec<Profile>>,
    #[serde(default)]
    spec_version: Option<SpecVersion>,
    #[serde(default)]
    client: Option<ClientScript>,
    #[serde(default)]
    idp: Option<IdpScript>,
    #[serde(default, rename = "as")]
    resource_as: Option<AsScript>,
    #[serde(default)]
    mcp: Option<McpScript>,
    #[serde(default, rename = "as2")]
    second_as: Option<AsScript>,
    #[serde(default, rename = "mcp2")]
    second_mcp: Option<McpScript>,
    #[serde(default)]
    trap: Option<TrapScript>,
    #[serde(default)]
    expect: Option<Expect>,
}

impl File {
    /// The scenarios of the file called `id`, each with the id of its own. Words that are no known
    /// capability are left out here; the loader reports them.
    pub(crate) fn into_scenarios(self, id: &str, text: &str) -> Vec<Scenario> {
        let texts = self.excerpts(text);
        let variants = self.variants().into_iter().zip(texts);
        variants.flat_map(|((case, file), text)| file.at_each_leg(&format!("{id}{case}"), &text)).collect()
    }

    /// The script as far as it is about each of its cases: what stands above all of them, and the case.
    fn excerpts(&self, text: &str) -> Vec<String> {
        let starts: Option<Vec<_>> =
            self.case.iter().map(|case| text[..case.id.span().start].rfind(CASE)).collect();
        let Some(starts @ [first, ..]) = starts.as_deref() else {
            return vec![text.to_owned(); self.case.len().max(1)];
        };
        let ends = starts[1..].iter().copied().chain([text.len()]);
        let excerpt = |(start, end): (&usize, usize)| {
            format!("{}\n\n{}\n", text[..*first].trim_end(), text[*start..end].trim_end())
        };
        starts.iter().zip(ends).map(excerpt).collect()
    }

    /// The file with each of its cases, or as it is where it has none; and what each adds to its id.
    pub(crate) fn variants(mut self) -> Vec<(String, Self)> {
        let cases = std::mem::take(&mut self.case);
        if cases.is_empty() {
            return vec![(String::new(), self)];
        }
        let with = |case: Case| (format!("/{}", case.id.get_ref()), self.clone().overlaid(case));
        cases.into_iter().map(with).collect()
    }

    /// What the script says for itself of the answers at a token endpoint.
    pub(crate) fn own_answers(&self, party: Party) -> &[Step] {
        match party {
            Party::Idp => &self.idp.token,
            _ => &self.resource_as.token,
        }
    }

    /// A scenario for each leg, and what follows when the answer comes once only.
    fn at_each_leg(mut self, id: &str, text: &str) -> Vec<Scenario> {
        let parties = std::mem::take(&mut self.at);
        if parties.is_empty() {
            return vec![self.into_scenario(id.to_owned(), text)];
        }
        let once = self.once.take();
        let mut scenarios = Vec::new();
        for party in parties.into_iter().map(Spanned::into_inner) {
            let id = format!("{id}/{party}");
            scenarios.push(self.clone().at(party).into_scenario(id.clone(), text));
            if let Some(once) = &once {
                scenarios.push(self.clone().once(once).at(party).into_scenario(format!("{id}/once"), text));
            }
        }
        scenarios
    }

    /// The script with its answers at the token endpoint of `party`.
    fn at(mut self, party: Party) -> Self {
        let (steps, other) = match party {
            Party::Idp => (&mut self.idp.token, "jb"),
            _ => (&mut self.resource_as.token, "tx"),
        };
        *steps = std::mem::take(&mut self.token);
        self.requirements.retain(|id| !id.get_ref().starts_with(other));
        if self.expect.reached.is_empty() {
            self.expect.reached.push(Reached { party, endpoint: EndpointName::Token });
        }
        self.leg = Some(party);
        self
    }

    fn once(mut self, once: &Once) -> Self {
        self.requirements.clone_from(&once.requirements);
        self.faults.clone_from(&once.faults);
        self.title = format!("{}, once", self.title);
        self.token.push(Step::default());
        self.expect.outcome = Outcome::Either;
        self
    }

    fn overlaid(self, case: Case) -> Self {
        Self {
            title: case.title.unwrap_or(self.title),
            why: case.why.unwrap_or(self.why),
            requirements: case.requirements.unwrap_or(self.requirements),
            faults: case.faults.unwrap_or(self.faults),
            kind: case.kind.unwrap_or(self.kind),
            at: case.at.unwrap_or(self.at),
            token: case.token.unwrap_or(self.token),
            once: case.once.or(self.once),
            slow: case.slow.unwrap_or(self.slow),
            needs: case.needs.unwrap_or(self.needs),
            profile: case.profile.or(self.profile),
            profiles: case.profiles.unwrap_or(self.profiles),
            spec_version: case.spec_version.or(self.spec_version),
            client: case.client.unwrap_or(self.client),
            idp: case.idp.unwrap_or(self.idp),
            resource_as: case.resource_as.unwrap_or(self.resource_as),
            mcp: case.mcp.unwrap_or(self.mcp),
            second_as: case.second_as.or(self.second_as),
            second_mcp: case.second_mcp.or(self.second_mcp),
            trap: case.trap.unwrap_or(self.trap),
            expect: case.expect.unwrap_or(self.expect),
            case: Vec::new(),
            leg: None,
        }
    }

    fn into_scenario(self, id: String, text: &str) -> Scenario {
        Scenario {
            id: ScenarioId::new(id),
            built_in: false,
            title: self.title,
            why: self.why,
            requirements: words(self.requirements, RequirementId::new),
            faults: words(self.faults, FaultSlug::new),
            kind: self.kind,
            at: self.leg,
            slow: self.slow,
            needs: self.needs.iter().filter_map(|word| word.get_ref().parse().ok()).collect(),
            profile: self.profile,
            profiles: self.profiles,
            spec_version: self.spec_version,
            client: self.client,
            idp: self.idp,
            resource_as: self.resource_as,
            mcp: self.mcp,
            second_as: self.second_as,
            second_mcp: self.second_mcp,
            trap: self.trap,
            expect: self.expect,
            text: text.to_owned(),
        }
    }
}

/// What a case begins with, unless the cases are written as an inline array.
const CASE: &str = "[[case]]";

fn words<T>(words: Vec<Spanned<String>>, make: impl Fn(String) -> T) -> Vec<T> {
    words.into_iter().map(|word| make(word.into_inner())).collect()
}
