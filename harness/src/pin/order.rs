//! Lists requests in an order that does not depend on chance, where a client does two things at once.
//!
//! Beside its messages a client of MCP may listen on a stream (MCP 2025-11-25, streamable HTTP: GET of the MCP endpoint
//! for `text/event-stream`). Stream and message arrive in either order, and where both are refused, so do the two
//! authorizations that follow: their steps mix, and either token may come first.

use crosscheck_scenarios::EndpointName;
use crosscheck_wire::transcript::Exchange;

/// The blocks of `exchanges`, each made by `text`: as they arrived, then those that were under way beside a refused
/// stream, then the streams, one of each kind.
pub(super) fn in_order(exchanges: &[&Exchange], text: impl Fn(&Exchange) -> String) -> Vec<String> {
    let (first, beside) = exchanges.split_at(parting(exchanges));
    let blocks = |exchanges: &[&Exchange], of_kind: &dyn Fn(&Exchange) -> bool| -> Vec<String> {
        exchanges.iter().filter(|exchange| of_kind(exchange)).map(|exchange| text(exchange)).collect()
    };
    let mut listed = blocks(first, &|exchange| !is_listening(exchange));
    let known = listed.concat();
    let of_either = |blocks: Vec<String>| blocks.into_iter().map(|block| unnumbered(&block, &known));
    if !beside.is_empty() {
        listed.push(BESIDE.to_owned());
        listed.extend(of_either(blocks(beside, &|exchange| is_message(exchange))));
        let mut steps = Vec::new();
        for step in of_either(blocks(beside, &|exchange| exchange.endpoint != EndpointName::Mcp)) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        listed.extend(steps);
    }
    let mut streams = blocks(exchanges, &is_listening);
    if !beside.is_empty() {
        streams = of_either(streams).collect();
    }
    streams.sort();
    streams.dedup();
    listed.extend(streams);
    listed
}

/// What stands in front of requests that mix.
const BESIDE: &str = "in any order from here on, since a listening stream was refused: messages, then other requests of each kind\n";

/// How many of `exchanges` came before anything could mix with what a refused stream leads to: those up to the last
/// message that was accepted before it. All of them where no stream was refused.
fn parting(exchanges: &[&Exchange]) -> usize {
    let is_refused =
        |exchange: &&Exchange| is_listening(exchange) && matches!(exchange.response.status, 401 | 403);
    let Some(refused) = exchanges.iter().position(is_refused) else { return exchanges.len() };
    let is_accepted = |exchange: &&Exchange| is_message(exchange) && exchange.response.status / 100 == 2;
    exchanges[..refused].iter().rposition(is_accepted).map_or(0, |place| place + 1)
}

fn is_message(exchange: &Exchange) -> bool {
    exchange.endpoint == EndpointName::Mcp && !is_listening(exchange)
}

/// Whether a client listens for what the server has to say.
fn is_listening(Exchange { endpoint, request, .. }: &Exchange) -> bool {
    let accept = request.header("accept").map(ToString::to_string).unwrap_or_default();
    *endpoint == EndpointName::Mcp && request.method == "GET" && accept.contains("text/event-stream")
}

/// `text` with names such as `«id_jag#2»` as `«id_jag#later»`, unless they occur in `known`: which of two is the second
/// is chance.
fn unnumbered(text: &str, known: &str) -> String {
    let mut parts = text.split('«');
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let numbered =
            part.split_once('»').and_then(|(name, rest)| Some((name, name.split_once('#')?.0, rest)));
        match numbered {
            Some((name, kind, rest)) if !known.contains(&format!("«{name}»")) => {
                told.push_str(&format!("«{kind}#later»{rest}"));
            }
            _ => {
                told.push('«');
                told.push_str(part);
            }
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use crosscheck_scenarios::Party;
    use crosscheck_wire::transcript::{Header, Request, Response};
    use crosscheck_wire::{Caller, Text};

    use super::*;

    /// The last part is what `text` prints.
    fn exchange(endpoint: EndpointName, status: u16, what: &str) -> Exchange {
        let accept = Header { name: "accept".into(), value: Text::plain("text/event-stream") };
        let is_stream = what.starts_with("listen");
        let method = if is_stream { "GET" } else { "POST" };
        Exchange {
            number: 0,
            party: Party::Mcp,
            caller: Caller::Client,
            endpoint,
            stray: false,
            at_us: 0,
            took_us: 0,
            request: Request { method: method.into(), headers: vec![accept], ..Request::default() },
            response: Response { status, ..Response::default() },
            refusal: what.into(),
        }
    }

    fn listed(words: &str) -> String {
        let exchanges: Vec<_> = words
            .split(' ')
            .map(|word| match word.split_once('-').unwrap_or((word, "")).0 {
                "grant" | "token" => exchange(EndpointName::Token, 200, word),
                "metadata" => exchange(EndpointName::ResourceMetadata, 200, word),
                "listen" | "call" if word.ends_with('!') => exchange(EndpointName::Mcp, 401, word),
                _ => exchange(EndpointName::Mcp, 200, word),
            })
            .collect();
        in_order(&exchanges.iter().collect::<Vec<_>>(), |exchange| exchange.refusal.clone()).join(" ")
    }

    #[test]
    fn streams_stand_behind_the_rest_in_whose_order_nothing_changes() {
        assert_eq!(
            listed("call! metadata grant-«g#1» listen token call listen metadata token"),
            "call! metadata grant-«g#1» token call metadata token listen"
        );
        assert_eq!(listed("call"), "call");
    }

    #[test]
    fn two_authorizations_at_once_are_listed_alike_however_they_mix() {
        let one = listed(
            "call!-«t#1» call-«t#1» listen-«t#1»! call-2-«t#1»! metadata metadata grant-«g#2» token-«g#2» grant-«g#3» listen-«t#2» token-«g#3» call-2-«t#3»",
        );
        let parts: Vec<_> = one.split(&format!(" {BESIDE} ")).collect();
        let [before, beside] = parts[..] else { panic!("{one}") };
        assert_eq!(before, "call!-«t#1» call-«t#1»");
        assert_eq!(
            beside,
            "call-2-«t#1»! call-2-«t#later» metadata grant-«g#later» token-«g#later» listen-«t#1»! listen-«t#later»"
        );
        for other in [
            "call!-«t#1» call-«t#1» call-2-«t#1»! metadata listen-«t#1»! grant-«g#2» metadata token-«g#2» call-2-«t#2» grant-«g#3» token-«g#3» listen-«t#3»",
            "call!-«t#1» call-«t#1» call-2-«t#1»! listen-«t#1»! metadata grant-«g#2» metadata grant-«g#3» token-«g#3» token-«g#2» listen-«t#2» call-2-«t#2»",
        ] {
            assert_eq!(listed(other), one);
        }
        // A change of what is sent is seen, and so is the old token.
        for other in [
            "call!-«t#1» call-«t#1» listen-«t#1»! call-2-«t#1»! metadata grant-«g#2» token-«g#2» listen-«t#2» call-2-«t#1»",
            "call!-«t#1» call-«t#1» listen-«t#1»! call-2-«t#1»! metadata grant-x-«g#2» token-«g#2» listen-«t#2» call-2-«t#2»",
        ] {
            assert_ne!(listed(other), one);
        }
    }

    #[test]
    fn a_number_stays_where_it_was_known_before() {
        let text = "a = «id_jag#1», «access_token#3» «id_jag#12» «time» « #2»";
        let told = "a = «id_jag#1», «access_token#later» «id_jag#later» «time» « #later»";
        assert_eq!(unnumbered(text, "x «id_jag#1»"), told);
        assert_eq!(unnumbered("no «end#2", ""), "no «end#2");
    }
}
