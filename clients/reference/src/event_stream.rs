//! Reads the data of server-sent events (WHATWG HTML, section 9.2).

/// The data of every complete event in `stream`; an event that its blank line has not ended yet is left out.
pub(crate) fn events(stream: &str) -> Vec<String> {
    let mut events = Vec::new();
    let mut data: Vec<&str> = Vec::new();
    for line in stream.split_inclusive('\n') {
        let Some(line) = line.strip_suffix('\n') else { break };
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some(value) = line.strip_prefix("data:") {
            data.push(value.strip_prefix(' ').unwrap_or(value));
        } else if line.is_empty() && !data.is_empty() {
            events.push(data.join("\n"));
            data.clear();
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_data_lines_are_one_event() {
        assert_eq!(events(": hello\nevent: message\ndata: a\ndata:b\n\ndata: c\r\n\r\n"), ["a\nb", "c"]);
    }

    #[test]
    fn an_unfinished_event_is_left_out() {
        assert_eq!(events("data: a\n\ndata: b\n"), ["a"]);
        assert!(events("").is_empty());
    }
}
