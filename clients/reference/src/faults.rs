//! Faults: the one thing that a run of the client does wrong, and the requirements that must be found broken.
//!
//! A fault is a row of this table and one deviation at the place in the code where it happens, never a second
//! client.

use std::str::FromStr;

use crate::UnknownSlug;

macro_rules! faults {
    ($($(#[doc = $summary:literal])+ $variant:ident $slug:literal $($number:ident)? [$($requirement:literal),+];)+) => {
        /// One small deviation from the honest client.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $($(#[doc = $summary])+ $variant,)+
        }

        impl Fault {
            /// Every fault, in the order of the flow.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name on the command line and in scenario files.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug),+ }
            }

            /// The number in the list of faults seen in the field, such as `F01`, where it is one of them.
            pub fn number(self) -> Option<&'static str> {
                let number: &[&'static str] = match self { $(Self::$variant => &[$(stringify!($number))?]),+ };
                number.first().copied()
            }

            /// What the client does, in one line.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => concat!($($summary),+).trim_ascii()),+ }
            }

            /// The ids of the requirements that must be found broken, exactly.
            pub fn trips(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($requirement),+]),+ }
            }
        }
    };
}

faults! {
    // Discovery.

    /// Fetches protected resource metadata from the root well-known URL, whatever the challenge says.
    IgnoresChallengeUrl "ignores-challenge-url" ["disc-challenge-parse"];
    /// Asks the MCP server's own origin for authorization server metadata before it reads the list.
    AsGuessedFromResourceHost "as-guessed-from-resource-host" ["disc-prm-as-from-list"];
    /// Asks for all of `scopes_supported`, whatever scope the challenge names.
    ScopeIgnoresChallenge "scope-ignores-challenge" ["disc-scope-selection"];
    /// Builds the first well-known URL by appending it to an issuer with a path.
    WellKnownAppended "well-known-appended" F27 ["disc-asm-order-path"];
    /// Keeps the final slash of the issuer in the well-known URL.
    IssuerSlashKeptInWellKnown "issuer-slash-kept-in-well-known" F28 ["disc-asm-slash-removed"];
    /// Never tries OpenID metadata of the resource authorization server.
    OauthMetadataOnly "oauth-metadata-only" ["disc-asm-both-kinds"];
    /// Sends Basic credentials with the request for authorization server metadata.
    CredentialsOnMetadataRequest "credentials-on-metadata-request" ["conf-metadata-no-credentials"];
    /// Sends the grant to `/token` below the issuer instead of the advertised token endpoint.
    TokenEndpointGuessed "token-endpoint-guessed" F25 ["disc-asm-token-endpoint-used"];
    /// Sends the exchange to `/token` below the IdP's issuer, whatever is configured or advertised.
    IdpTokenEndpointGuessed "idp-token-endpoint-guessed" ["disc-idp-token-endpoint"];

    // Order of the flow.

    /// Opens the authorization endpoint of the resource authorization server before the exchange.
    OpensAuthorizationEndpoint "opens-authorization-endpoint" ["flow-no-user-redirect"];
    /// Redeems a grant of its own making before it has asked the IdP for one.
    RedeemBeforeExchange "redeem-before-exchange" ["flow-order"];

    // Token exchange at the IdP authorization server.

    /// Adds a final slash to `audience`, or removes the one there.
    AudienceTrailingSlash "audience-trailing-slash" F01 ["tx-audience-is-as-issuer"];
    /// Adds a final slash to `resource`, or removes the one there.
    ResourceTrailingSlash "resource-trailing-slash" F02 ["tx-resource-is-prm-resource"];
    /// Sends the resource as `audience` and the issuer as `resource`.
    AudienceAndResourceSwapped "audience-and-resource-swapped" F03 ["tx-audience-is-as-issuer", "tx-resource-is-prm-resource"];
    /// Sends the token endpoint of the resource authorization server as `audience`.
    AudienceIsTokenEndpoint "audience-is-token-endpoint" F04 ["tx-audience-is-as-issuer"];
    /// Sends the issuer without its path as `audience`.
    AudienceIsIssuerOrigin "audience-is-issuer-origin" F04 ["tx-audience-is-as-issuer"];
    /// Leaves out `requested_token_type`.
    RequestedTokenTypeMissing "requested-token-type-missing" F05 ["tx-requested-token-type"];
    /// Declares the ID token as a subject token of type `jwt`.
    SubjectTokenTypeJwt "subject-token-type-jwt" F06 ["tx-subject-token-type"];
    /// Sends the IdP's access token from sign-on as the subject token.
    IdpAccessTokenAsSubject "idp-access-token-as-subject" F07 ["tx-subject-not-access-token"];
    /// Changes the last character of the subject token's signature.
    SubjectTokenAltered "subject-token-altered" ["tx-subject-token-verbatim"];
    /// Sends the jwt-bearer grant type to the IdP.
    JwtBearerGrantTypeAtIdp "jwt-bearer-grant-type-at-idp" ["tx-grant-type"];
    /// Leaves out `resource` in the exchange.
    ResourceOmitted "resource-omitted" ["tx-resource-required-2025"];
    /// Adds a fragment to `resource` in the exchange.
    ResourceWithFragment "resource-with-fragment" ["tx-resource-syntax"];
    /// Separates the scopes of the exchange by commas.
    ScopeCommaSeparated "scope-comma-separated" F44 ["tx-scope-format"];
    /// Sends `scope` twice in the exchange.
    ParameterRepeated "parameter-repeated" ["tx-no-duplicates"];
    /// Sends the exchange as a JSON body.
    ExchangeAsJson "exchange-as-json" ["tx-post-form"];
    /// Writes the parameters of the exchange without `&` between them.
    ExchangeParametersRunTogether "exchange-parameters-run-together" ["tx-post-form"];
    /// Writes the values of the exchange into the form body without encoding them.
    ExchangeBodyNotEncoded "exchange-body-not-encoded" ["tx-encoding-roundtrip"];
    /// Sends `requested_token_type` in the URL of the exchange too.
    ExchangeParametersInUrl "exchange-parameters-in-url" ["tx-nothing-in-url"];
    /// Sends the subject token in the URL of the exchange too.
    SubjectTokenInUrl "subject-token-in-url" ["conf-nothing-in-urls"];

    // Client authentication.

    /// Is a public client at the IdP with the client id registered at the resource authorization server.
    AsClientIdAtIdp "as-client-id-at-idp" F08 ["tx-client-is-sso-client"];
    /// Authenticates at the IdP with the id and secret registered at the resource authorization server.
    AsSecretAtIdp "as-secret-at-idp" F08 ["conf-as-secret-as-only"];
    /// Uses the IdP's client id at the resource authorization server.
    IdpClientIdAtAs "idp-client-id-at-as" F09 ["jb-client-of-grant"];
    /// Uses the IdP's client secret at the resource authorization server.
    IdpSecretAtAs "idp-secret-at-as" F09 ["conf-idp-secret-idp-only"];
    /// Sends nothing at the IdP that identifies the client.
    NoClientAtIdp "no-client-at-idp" F10 ["cauth-public-client-id"];
    /// Sends only `client_id` at the IdP, although it has a credential there.
    NoClientAuthenticationAtIdp "no-client-authentication-at-idp" F10 ["cauth-present"];
    /// Sends only `client_id` at the resource authorization server, although it has a credential there.
    NoClientAuthenticationAtAs "no-client-authentication-at-as" ["cauth-present"];
    /// Joins the Basic credentials without form-encoding them.
    BasicNotFormEncoded "basic-not-form-encoded" F11 ["cauth-basic-encoding"];
    /// Form-encodes the Basic credentials twice.
    BasicFormEncodedTwice "basic-form-encoded-twice" F12 ["cauth-basic-encoding"];
    /// Sends the secret by Basic and in the body at the resource authorization server.
    SecretInHeaderAndBody "secret-in-header-and-body" F13 ["cauth-one-method"];
    /// Sends the secret in the body although the metadata lists only Basic.
    PostDespiteBasicOnly "post-despite-basic-only" F14 ["cauth-method-advertised"];
    /// Sends the secret in the body although the metadata lists no methods, which means Basic.
    PostWhenMethodsAbsent "post-when-methods-absent" F14 ["cauth-default-basic"];
    /// Sends the secret of client_secret_post in the URL at the resource authorization server.
    PostCredentialsInUrl "post-credentials-in-url" ["cauth-post-in-body"];
    /// Sends the client assertion made for the IdP to the resource authorization server.
    ClientAssertionReused "client-assertion-reused" ["cauth-jwt-not-shared"];
    /// Declares the client assertion as another type.
    ClientAssertionTypeWrong "client-assertion-type-wrong" ["cauth-jwt-params"];
    /// Names someone else in the `sub` of the client assertion.
    ClientAssertionSubjectDiffers "client-assertion-subject-differs" ["cauth-jwt-iss-sub"];
    /// Addresses the client assertion to the token endpoint instead of the issuer.
    ClientAssertionAudienceIsTokenEndpoint "client-assertion-audience-is-token-endpoint" ["cauth-jwt-aud-issuer"];
    /// Leaves out the `jti` of the client assertion.
    ClientAssertionWithoutJti "client-assertion-without-jti" ["cauth-jwt-exp-jti"];
    /// Signs the client assertion with a key that is not registered.
    ClientAssertionSignedWithOtherKey "client-assertion-signed-with-other-key" ["cauth-jwt-alg"];
    /// Puts the private key into the header of the client assertion.
    PrivateKeyInAssertionHeader "private-key-in-assertion-header" ["conf-private-keys"];

    // What follows the exchange.

    /// Goes on to the resource authorization server with the grant `null` after the IdP has refused.
    IgnoresExchangeError "ignores-exchange-error" ["txe-no-leg2"];
    /// Tells nobody the error code with which the IdP refused.
    ErrorCodeLostAtIdp "error-code-lost-at-idp" F34 ["txe-reported"];
    /// Gives up after a correct answer to the exchange.
    StopsAfterExchange "stops-after-exchange" ["txr-accept"];
    /// Sends the ID-JAG to the MCP server as a bearer token.
    GrantAsBearer "grant-as-bearer" F22 ["txr-grant-not-bearer"];
    /// Presents the ID-JAG to the IdP that issued it.
    GrantAtIdp "grant-at-idp" ["conf-grant-as-only"];

    // jwt-bearer at the resource authorization server.

    /// Sends the token-exchange grant type to the resource authorization server.
    TokenExchangeGrantTypeAtAs "token-exchange-grant-type-at-as" F23 ["jb-grant-type"];
    /// Sends the grant as `subject_token` instead of `assertion`.
    GrantAsSubjectTokenAtAs "grant-as-subject-token-at-as" F23 ["jb-assertion-verbatim"];
    /// Changes the last character of the grant's signature.
    AssertionAltered "assertion-altered" F24 ["jb-assertion-verbatim"];
    /// Sends `assertion` twice.
    AssertionRepeated "assertion-repeated" ["jb-assertion-once"];
    /// Sends `assertion` in the URL instead of the body.
    AssertionInUrl "assertion-in-url" ["jb-nothing-in-url"];
    /// Sends the grant request as a JSON body.
    GrantRequestAsJson "grant-request-as-json" ["jb-post-form"];
    /// Writes the parameters of the grant request without `&` between them.
    GrantParametersRunTogether "grant-parameters-run-together" ["jb-post-form"];
    /// Writes the values of the grant request into the form body without encoding them.
    GrantBodyNotEncoded "grant-body-not-encoded" ["jb-encoding-roundtrip"];
    /// Sends `audience` and `requested_token_type` to the resource authorization server too.
    ExchangeParametersAtAs "exchange-parameters-at-as" ["jb-no-leg1-leftovers"];
    /// Sends the ID token to the resource authorization server.
    SubjectTokenAtAs "subject-token-at-as" ["conf-subject-token-idp-only"];
    /// Tells nobody the error code with which the resource authorization server refused.
    ErrorCodeLostAtAs "error-code-lost-at-as" F34 ["jbe-reported"];
    /// Stops after a correct answer of the resource authorization server and claims success.
    AccessTokenUnused "access-token-unused" ["jbr-accept"];
    /// Prints the access token.
    PrintsTokens "prints-tokens" F40 ["conf-log-default"];

    // Requests to the MCP server.

    /// Sends the ID token as bearer token with the first authorized request.
    IdTokenAsBearer "id-token-as-bearer" ["res-own-token-only"];
    /// Sends the access token in a header of its own invention.
    TokenInCustomHeader "token-in-custom-header" ["res-bearer-header"];
    /// Sends the access token with the first request of a session only.
    TokenOnFirstRequestOnly "token-on-first-request-only" ["res-every-request"];
    /// Sends the access token in the URL.
    TokenInUrl "token-in-url" ["res-not-in-url"];
    /// Sends the access token in the URL and in the header.
    TokenInHeaderAndUrl "token-in-header-and-url" ["res-one-method"];
    /// Sends the access token in the `Referer` header of MCP requests.
    AccessTokenInReferer "access-token-in-referer" ["conf-nothing-in-urls"];
    /// Asks the IdP for user information with the access token.
    AccessTokenAtIdp "access-token-at-idp" ["conf-access-token-rs-only"];
}

impl FromStr for Fault {
    type Err = UnknownSlug;

    fn from_str(slug: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|fault| fault.slug() == slug)
            .ok_or_else(|| UnknownSlug::new("fault", slug, Self::ALL.iter().map(|f| f.slug())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_slug_is_unique_and_names_its_fault() {
        let slugs: HashSet<_> = Fault::ALL.iter().map(|fault| fault.slug()).collect();
        assert_eq!(slugs.len(), Fault::ALL.len());
        for fault in Fault::ALL {
            assert_eq!(fault.slug().parse(), Ok(*fault));
        }
    }

    #[test]
    fn an_unknown_slug_names_the_nearest() {
        let error = "audience-trailing-slashes".parse::<Fault>().unwrap_err().to_string();
        assert!(error.starts_with("no such fault; nearest: `audience-trailing-slash`"), "{error}");
    }

    #[test]
    fn a_row_carries_its_number_and_its_summary() {
        assert_eq!(Fault::AssertionAltered.number(), Some("F24"));
        assert_eq!(Fault::GrantAtIdp.number(), None);
        assert_eq!(Fault::ParameterRepeated.summary(), "Sends `scope` twice in the exchange.");
    }
}
