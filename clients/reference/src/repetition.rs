//! Sends a token request, and decides whether it is sent once more; the honest client never does.
//!
//! RFC 9110 sections 10.2.3 and 15.6.4: the pause that a server asks for.

use std::time::{Duration, SystemTime};

use crate::client::Client;
use crate::client_authentication::Party;
use crate::outcome::Cause;
use crate::token_answer::TokenAnswer;
use crate::token_endpoint::TokenRequest;
use crate::{Control, Fault};

/// The longest pause that is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pauses where the server asks for none, or a shorter one.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(150)];

/// What one sending of a token request came to.
pub(crate) struct Told {
    pub(crate) answer: Result<TokenAnswer, Cause>,
    /// The value of `Retry-After`.
    pub(crate) retry_after: Option<String>,
}

impl Client {
    /// Sends what `request` makes to the token endpoint of `party`; the success, or why there is none.
    pub(crate) async fn request_token(
        &self,
        party: Party,
        mut request: impl FnMut() -> Result<TokenRequest, Cause>,
    ) -> Result<TokenAnswer, Cause> {
        let mut repeats = 0;
        loop {
            let told = self.send_token_request(party, request()?).await;
            match self.pause_before_repeat(party, repeats, &told) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return told.answer,
            }
            repeats += 1;
        }
    }

    /// How long to wait before the request is repeated for the next time, if it is.
    fn pause_before_repeat(&self, party: Party, repeats: usize, told: &Told) -> Option<Duration> {
        let Err(cause) = &told.answer else { return None };
        let (status, error) = (cause.status().unwrap_or_default(), cause.error());
        let broken = matches!(cause, Cause::Transport { .. });
        let failed = broken || status >= 500 || status == 429;
        let old_sign_on = party == Party::Idp && error == Some("insufficient_user_authentication");
        let at_once = [
            (Fault::StepUpExchangeRepeated, old_sign_on, 1),
            (Fault::RepeatsRefusedRequest, error.is_some() && (400..500).contains(&status), 2),
            (Fault::ServerErrorRepeatedAtOnce, status >= 500, 3),
            (Fault::RetryAfterIgnored, told.retry_after.is_some(), 1),
            (Fault::RepeatsForEver, failed, 7),
            (Fault::BrokenConnectionRepeated, broken, 3),
        ];
        if at_once.iter().any(|(fault, applies, limit)| *applies && repeats < *limit && self.has(*fault)) {
            return Some(Duration::ZERO);
        }
        let own = *PAUSES.get(repeats).filter(|_| failed && self.varies(Control::RepeatsAfterPause))?;
        let asked = told.retry_after.as_deref().and_then(pause).unwrap_or_default();
        (asked <= PATIENCE).then(|| asked.max(own))
    }
}

/// The pause that `Retry-After` asks for: seconds, or the time until a date.
fn pause(retry_after: &str) -> Option<Duration> {
    let until = |date: SystemTime| date.duration_since(SystemTime::now()).unwrap_or_default();
    let seconds = retry_after.parse().map(Duration::from_secs).ok();
    seconds.or_else(|| httpdate::parse_http_date(retry_after).map(until).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        assert_eq!(pause("2"), Some(Duration::from_secs(2)));
        assert_eq!(pause("1000000000000"), Some(Duration::from_secs(1_000_000_000_000)));
        assert_eq!(pause("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let soon = pause(&httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90))).unwrap();
        assert!((Duration::from_secs(60)..Duration::from_secs(91)).contains(&soon), "{soon:?}");
        for odd in ["", "-1", "soon", "1.5"] {
            assert_eq!(pause(odd), None, "{odd}");
        }
    }
}
