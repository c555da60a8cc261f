//! Controls: what looks odd in a client and is legitimate, so that nothing may be reported for it.

use std::str::FromStr;

use crate::UnknownSlug;

macro_rules! controls {
    ($($(#[doc = $summary:literal])+ $variant:ident $slug:literal $number:ident;)+) => {
        /// A freedom that a conforming client has; using it must leave every check green.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Control {
            $($(#[doc = $summary])+ $variant,)+
        }

        impl Control {
            /// Every control, in the order of its numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name on the command line.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug),+ }
            }

            /// The number in the list of controls, such as `N01`.
            pub fn number(self) -> &'static str {
                match self { $(Self::$variant => stringify!($number)),+ }
            }

            /// What the client does, in one line.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => concat!($($summary),+).trim_ascii()),+ }
            }
        }
    };
}

controls! {
    /// Sends the parameters of both token requests in reverse order.
    ReversedParameters "reversed-parameters" N01;
    /// Writes `%20` for blanks and lower-case hex digits in both token requests.
    LowerCasePercentEncoding "lower-case-percent-encoding" N01;
    /// Sends an empty `code` and an empty `scope` in both token requests.
    EmptyParameters "empty-parameters" N02;
    /// Sends `client_id` in the body beside Basic credentials of the same client.
    ClientIdBesideBasic "client-id-beside-basic" N03;
    /// Sends no `resource` to the resource authorization server, and no `scope` anywhere.
    NoResourceNoScope "no-resource-no-scope" N04;
    /// Asks for no protected resource metadata where it knows the issuer.
    IssuerConfigured "issuer-configured" N05;
    /// Asks for OpenID metadata before OAuth metadata where the issuer has no path.
    OpenidMetadataFirst "openid-metadata-first" N06;
    /// Repeats both legs once after `invalid_grant` at either server.
    RepeatsOnceAfterInvalidGrant "repeats-once-after-invalid-grant" N07;
    /// Takes an ID-JAG whatever `token_type` comes with it.
    LenientTokenType "lenient-token-type" N08;
    /// Takes a token answer with a byte order mark or status 201.
    LenientBody "lenient-body" N09;
    /// Fetches a second ID-JAG for a second access token, and uses that one too.
    NewGrantPerAccessToken "new-grant-per-access-token" N10;
    /// Presents its ID-JAG for a second access token too, and fetches a fresh one when that is refused.
    GrantPresentedAgain "grant-presented-again" N11;
    /// Refuses metadata with a token endpoint off the issuer's origin.
    OwnOriginEndpointOnly "own-origin-endpoint-only" N12;
    /// Refuses authorization server metadata without `code_challenge_methods_supported`.
    PkceRequired "pkce-required" N13;
    /// Stops at a 5xx answer to a metadata request, where it else tries the next well-known URL.
    StopsAt503 "stops-at-503" N14;
    /// Exits with 0 after a refusal that it has reported.
    SuccessStatusAfterRefusal "success-status-after-refusal" N15;
    /// Lists the tools several times over.
    SeveralMcpRequests "several-mcp-requests" N16;
    /// Sends `Accept: */*` with both token requests.
    AcceptAnything "accept-anything" N17;
    /// Reports only the beginning of an error description.
    ShortDescription "short-description" N18;
    /// Is a public client at the IdP, with `client_id` in the body, where no method is registered there.
    PublicAtIdp "public-at-idp" N20;
    /// Repeats a token request at most twice after a server error, a 429 or a broken connection, after the pause that
    /// the server asks for, up to two seconds, or after growing pauses.
    RepeatsAfterPause "repeats-after-pause" N21;
}

impl FromStr for Control {
    type Err = UnknownSlug;

    fn from_str(slug: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|control| control.slug() == slug)
            .ok_or_else(|| UnknownSlug::new("control", slug, Self::ALL.iter().map(|c| c.slug())))
    }
}
