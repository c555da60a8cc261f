//! The line of an exchange that is told as it happens.

use crosscheck_wire::{Caller, Seen};

use crate::text::endpoint_name;

/// Such as `#4  POST idp token endpoint → 400 invalid_target`.
pub(crate) fn exchange_line(seen: &Seen) -> String {
    let Seen { number, party, caller, endpoint, method, status, error } = seen;
    let endpoint = endpoint_name(*endpoint);
    let method = method.unwrap_or("unknown method");
    let from = match caller {
        Caller::As => " from as",
        Caller::Client => "",
    };
    let answer = match status {
        0 => "connection closed".to_owned(),
        status => status.to_string(),
    };
    let error = error.as_deref().map(|error| format!(" {error}")).unwrap_or_default();
    format!("#{number}  {method} {party} {endpoint}{from} → {answer}{error}")
}

#[cfg(test)]
mod tests {
    use crosscheck_scenarios::{EndpointName, Party};

    use super::*;

    #[test]
    fn an_exchange_takes_one_line() {
        let seen = Seen {
            number: 4,
            party: Party::Idp,
            caller: Caller::Client,
            endpoint: EndpointName::Token,
            method: Some("POST"),
            status: 400,
            error: Some("invalid_target".into()),
        };
        assert_eq!(exchange_line(&seen), "#4  POST idp token endpoint → 400 invalid_target");
        let fetched = Seen {
            caller: Caller::As,
            endpoint: EndpointName::Jwks,
            status: 200,
            error: None,
            ..seen.clone()
        };
        assert_eq!(exchange_line(&fetched), "#4  POST idp keys from as → 200");
        let cut = Seen { status: 0, method: None, error: None, ..seen };
        assert_eq!(exchange_line(&cut), "#4  unknown method idp token endpoint → connection closed");
    }
}
