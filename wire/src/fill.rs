//! Names in braces that a script writes, and what they stand for.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crosscheck_scenarios::{Bend, PLACEHOLDERS, Party};

use crate::ledger::ValueKind;
use crate::stage::Stage;

impl Stage {
    /// `text` with the names of the stage in braces replaced.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        if !text.contains('{') {
            return filled;
        }
        for (name, url) in self.urls.by_name() {
            filled = filled.replace(&format!("{{{name}}}"), &url);
        }
        for name in PLACEHOLDERS {
            let written = format!("{{{name}}}");
            if let (true, Some(value)) = (filled.contains(&written), self.moment(name)) {
                filled = filled.replace(&written, &value);
            }
        }
        filled
    }

    /// Changes `object` as a script says, with the names of the stage in braces replaced.
    pub fn bend(&self, bend: &Bend, object: &mut Map<String, Value>) {
        let mut bend = bend.clone();
        self.fill_strings(bend.set.values_mut());
        bend.apply(object);
    }

    /// Replaces the names of the stage in all strings below `values`.
    pub(crate) fn fill_strings<'a>(&self, values: impl IntoIterator<Item = &'a mut Value>) {
        let mut left: Vec<_> = values.into_iter().collect();
        while let Some(value) = left.pop() {
            match value {
                Value::String(text) => *text = self.fill(text),
                Value::Array(items) => left.extend(items),
                Value::Object(members) => left.extend(members.values_mut()),
                _ => {}
            }
        }
    }

    /// What depends on the moment of answering: dates (RFC 9110 section 5.6.7), and values that were minted by
    /// then; empty where there is none yet.
    fn moment(&self, name: &str) -> Option<String> {
        let secret = |party| self.registration(party).client_secret.clone().unwrap_or_default();
        Some(match name {
            "date.past" => httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(60)),
            // Up to the next whole second, since a date has no parts of one.
            "date.soon" => httpdate::fmt_http_date(SystemTime::now() + Duration::from_millis(2999)),
            "secret.as_client_secret" => secret(Party::As),
            "secret.as_refresh_token" => self.refresh_token(Party::As),
            "secret.id_jag" => self.ledger.last("id_jag").unwrap_or_default(),
            "secret.id_token" => self.id_token.clone(),
            "secret.idp_client_secret" => secret(Party::Idp),
            "secret.idp_refresh_token" => self.refresh_token(Party::Idp),
            _ => return None,
        })
    }

    /// The refresh token of an authorization server, which nobody but a script hands out.
    fn refresh_token(&self, party: Party) -> String {
        let name = format!("{party}_refresh_token");
        self.ledger.value(&name).unwrap_or_else(|| {
            let token = format!("refresh-token-{}", self.canary.mint());
            self.ledger.mint(&name, &token, ValueKind::Token, &[party]);
            token
        })
    }
}
