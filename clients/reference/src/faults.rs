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
    /// Looks only at the first challenge of the first `WWW-Authenticate` line.
    BearerBehindOtherSchemeMissed "bearer-behind-other-scheme-missed" F52 ["disc-challenge-multi"];
    /// Keeps the backslashes of quoted pairs in a challenge.
    ChallengeEscapesKept "challenge-escapes-kept" ["disc-challenge-quoting"];
    /// Takes every comma of a challenge for the end of a parameter, inside quotes too.
    ChallengeSplitAtCommas "challenge-split-at-commas" ["disc-challenge-quoting"];
    /// Does not read a parameter of a challenge that has blanks around its `=`.
    ChallengeBlanksUnread "challenge-blanks-unread" ["disc-challenge-quoting"];
    /// Knows the scheme of a challenge only as `Bearer`, and goes on with well-known URLs without it.
    ChallengeSchemeCaseSensitive "challenge-scheme-case-sensitive" ["disc-challenge-quoting"];
    /// Asks for protected resource metadata at the root only where the challenge names no URL.
    RootMetadataOnly "root-metadata-only" ["disc-prm-wellknown-order"];
    /// Asks for protected resource metadata with the path inserted only where the challenge names no URL.
    InsertedMetadataOnly "inserted-metadata-only" ["disc-prm-wellknown-order"];
    /// Takes protected resource metadata of any resource that begins like the MCP server's URL.
    PrmResourceComparedByPrefix "prm-resource-compared-by-prefix" ["disc-prm-resource-match"];
    /// Compares resources without regard to case.
    PrmResourceComparedWithoutCase "prm-resource-compared-without-case" ["disc-prm-resource-match"];
    /// Takes the `resource` of protected resource metadata as it is, and sends it.
    PrmResourceNotCompared "prm-resource-not-compared" F53 ["disc-prm-resource-match", "multi-foreign-resource-claim"];
    /// Refuses protected resource metadata with a member it does not know, or with a null.
    PrmUnknownMembersRefused "prm-unknown-members-refused" ["disc-prm-extra-members"];
    /// Takes the MCP server's origin for the issuer when there is no usable protected resource metadata.
    FallsBackToResourceHost "falls-back-to-resource-host" F29 ["disc-prm-as-from-list"];
    /// Sends the exchange for the MCP server's origin when there is no usable protected resource metadata.
    ExchangesWithoutMetadata "exchanges-without-metadata" ["disc-prm-unusable"];
    /// Takes the MCP server's origin for the issuer, with `/token` there, when no server is listed.
    GuessesUnlistedServer "guesses-unlisted-server" ["disc-prm-as-missing"];
    /// Goes to the first server listed, whatever issuer its credentials are bound to.
    CredentialsToAnyAs "credentials-to-any-as" F30 ["multi-credential-per-as", "multi-as-changed"];
    /// Reads the metadata of the first server listed, whichever server it then names as audience.
    EndpointOfOtherServer "endpoint-of-other-server" ["jb-endpoint-of-audience"];
    /// Asks the MCP server's own origin for authorization server metadata before it reads the list.
    AsGuessedFromResourceHost "as-guessed-from-resource-host" ["disc-prm-as-from-list"];
    /// Asks for all of `scopes_supported`, whatever scope the challenge names.
    ScopeIgnoresChallenge "scope-ignores-challenge" ["disc-scope-selection"];
    /// Drops the scopes of the challenge that `scopes_supported` lacks.
    ScopeFilteredBySupported "scope-filtered-by-supported" ["disc-scope-authoritative"];
    /// Asks for `mcp:everything` where the challenge names no scope.
    ScopeInvented "scope-invented" ["disc-scope-selection"];
    /// Builds the first well-known URL by appending it to an issuer with a path.
    WellKnownAppended "well-known-appended" F27 ["disc-asm-order-path"];
    /// Keeps the final slash of the issuer in the well-known URL.
    IssuerSlashKeptInWellKnown "issuer-slash-kept-in-well-known" F28 ["disc-asm-slash-removed"];
    /// Never tries OpenID metadata of the resource authorization server.
    OauthMetadataOnly "oauth-metadata-only" ["disc-asm-both-kinds"];
    /// Sends Basic credentials with the request for authorization server metadata.
    CredentialsOnMetadataRequest "credentials-on-metadata-request" ["conf-metadata-no-credentials"];
    /// Gets the pages that `resource_documentation` and `service_documentation` link to.
    FetchesDocumentationLinks "fetches-documentation-links" ["conf-no-third-party"];
    /// Refuses authorization server metadata with a member it does not know, or with a null.
    UnknownMembersRefused "unknown-members-refused" ["disc-asm-extra-members"];
    /// Refuses authorization server metadata without `authorization_endpoint`.
    AuthorizationEndpointRequired "authorization-endpoint-required" F54 ["disc-asm-no-authz-endpoint"];
    /// Refuses authorization server metadata without `jwks_uri`.
    JwksUriRequired "jwks-uri-required" ["disc-asm-no-authz-endpoint"];
    /// Takes authorization server metadata whatever its `issuer`, which becomes the audience.
    AsIssuerNotCompared "as-issuer-not-compared" F26 ["disc-asm-issuer-match", "disc-asm-issuer-absent"];
    /// Takes metadata of any issuer on the origin of the listed one.
    IssuerComparedByOrigin "issuer-compared-by-origin" ["disc-asm-issuer-match"];
    /// Takes metadata of any issuer that begins like the listed one.
    IssuerComparedByPrefix "issuer-compared-by-prefix" ["disc-asm-issuer-match"];
    /// Compares issuers without regard to case.
    IssuerComparedWithoutCase "issuer-compared-without-case" ["disc-asm-issuer-match"];
    /// Takes a token endpoint that the first metadata document lacks from the next one, whatever issuer that names.
    MetadataDocumentsMixed "metadata-documents-mixed" ["disc-asm-issuer-match"];
    /// Takes the IdP's metadata whatever its `issuer`.
    IdpIssuerNotCompared "idp-issuer-not-compared" F26 ["disc-idp-issuer-match"];
    /// Sends the grant to `/token` of the issuer's origin when the metadata has no token endpoint.
    TokenEndpointGuessedWhenAbsent "token-endpoint-guessed-when-absent" ["disc-asm-token-endpoint-absent"];
    /// Drops the query of both token endpoints.
    EndpointQueryDropped "endpoint-query-dropped" ["disc-endpoint-query-kept"];
    /// Sends the grant to `/token` below the issuer instead of the advertised token endpoint.
    TokenEndpointGuessed "token-endpoint-guessed" F25 ["disc-asm-token-endpoint-used"];
    /// Sends the exchange to `/token` below the IdP's issuer, whatever is configured or advertised.
    IdpTokenEndpointGuessed "idp-token-endpoint-guessed" ["disc-idp-token-endpoint"];
    /// Takes the IdP's token endpoint from `idp_token_endpoint` in the metadata of the MCP side.
    IdpFromResourceMetadata "idp-from-resource-metadata" F58 ["disc-idp-not-from-rs"];

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
    /// Names the audience of its first exchange in every exchange.
    AudienceOfFirstServer "audience-of-first-server" ["multi-audience-follows"];
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
    ResourceOmitted "resource-omitted" ["tx-resource-required-2025", "tx-resource-recommended"];
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
    AsClientIdAtIdp "as-client-id-at-idp" F08 ["cid-two-registrations"];
    /// Is a public client at the IdP with a client id that nobody registered.
    UnknownClientIdAtIdp "unknown-client-id-at-idp" ["tx-client-is-sso-client"];
    /// Authenticates at the IdP with the id and secret registered at the resource authorization server.
    AsSecretAtIdp "as-secret-at-idp" F08 ["conf-as-secret-as-only"];
    /// Uses the IdP's client id at the resource authorization server.
    IdpClientIdAtAs "idp-client-id-at-as" F09 ["cid-two-registrations"];
    /// Uses a client id that nobody registered at the resource authorization server, with the right secret.
    UnknownClientIdAtAs "unknown-client-id-at-as" ["jb-client-of-grant"];
    /// Uses the IdP's client secret at the resource authorization server.
    IdpSecretAtAs "idp-secret-at-as" F09 ["conf-idp-secret-idp-only"];
    /// Sends nothing at the IdP that identifies the client.
    NoClientAtIdp "no-client-at-idp" F10 ["cauth-public-client-id"];
    /// Sends only `client_id` at the IdP, although it has a credential there.
    NoClientAuthenticationAtIdp "no-client-authentication-at-idp" F10 ["cauth-present"];
    /// Sends only `client_id` at the resource authorization server, although it has a credential there.
    NoClientAuthenticationAtAs "no-client-authentication-at-as" ["cauth-present"];
    /// Sends only `client_id` at the resource authorization server when its metadata lists `none`.
    PublicWhenNoneListed "public-when-none-listed" F16 ["cauth-present"];
    /// Joins the Basic credentials without form-encoding them.
    BasicNotFormEncoded "basic-not-form-encoded" F11 ["cauth-basic-encoding"];
    /// Form-encodes the Basic credentials twice.
    BasicFormEncodedTwice "basic-form-encoded-twice" F12 ["cauth-basic-encoding"];
    /// Sends the secret by Basic and in the body at the resource authorization server.
    SecretInHeaderAndBody "secret-in-header-and-body" F13 ["cauth-one-method"];
    /// Sends the secret in the body although the metadata lists only Basic.
    PostDespiteBasicOnly "post-despite-basic-only" F14 ["cauth-method-advertised"];
    /// Sends the secret by Basic although the metadata lists client_secret_post without Basic.
    BasicDespitePostOnly "basic-despite-post-only" ["cauth-method-advertised"];
    /// Sends the secret in the body although the metadata lists no method that the client can use.
    SecretDespitePrivateKeyJwtOnly "secret-despite-private-key-jwt-only" F15 ["cauth-none-possible"];
    /// Sends the secret in the body although the metadata lists no methods, which means Basic.
    PostWhenMethodsAbsent "post-when-methods-absent" F14 ["cauth-default-basic"];
    /// Sends the secret of client_secret_post in the URL at the resource authorization server.
    PostCredentialsInUrl "post-credentials-in-url" ["cauth-post-in-body"];
    /// Tries its secret once more by the other of Basic and body after `invalid_client` at either server.
    OtherMethodAfter401 "other-method-after-401" F59 ["cauth-fixed-under-401"];
    /// Tries the IdP's id and secret after `invalid_client` at the resource authorization server.
    OtherCredentialAfter401 "other-credential-after-401" F59 ["jbe-invalid-client"];
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

    /// Repeats a request to a token endpoint, body and all, where a redirect says.
    FollowsTokenRedirect "follows-token-redirect" F31 ["http-redirect-secret"];
    /// Prints the body of a request that a token endpoint refused.
    DumpsRequestOnFailure "dumps-request-on-failure" F40 ["conf-error-output-safe"];
    /// Registers itself at the resource authorization server after the IdP has refused.
    RegistersAfterDenial "registers-after-denial" F60 ["cid-no-surprise-registration"];
    /// Goes on to the resource authorization server with the grant `null` after the IdP has refused.
    IgnoresExchangeError "ignores-exchange-error" ["txe-no-leg2"];
    /// Gives up after a correct answer to the exchange.
    StopsAfterExchange "stops-after-exchange" ["txr-accept"];
    /// Sends the ID-JAG to the MCP server as a bearer token.
    GrantAsBearer "grant-as-bearer" F22 ["txr-grant-not-bearer"];
    /// Presents the ID-JAG to the IdP that issued it.
    GrantAtIdp "grant-at-idp" ["conf-grant-as-only"];

    // jwt-bearer at the resource authorization server.

    /// Presents its first ID-JAG at every resource authorization server.
    OneGrantForAllServers "one-grant-for-all-servers" ["multi-grant-per-as"];
    /// Sends the issuer as `resource` to the resource authorization server.
    WrongResourceAtAs "wrong-resource-at-as" ["jb-resource"];
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
    /// Starts both legs again, up to eight times, on `invalid_grant` at the resource authorization server.
    LoopsOnInvalidGrant "loops-on-invalid-grant" F37 ["jbe-total-bounded"];
    /// Presents its grant for a second access token, and gives up when that is refused.
    GivesUpOnRefusedGrant "gives-up-on-refused-grant" ["life-replay-recovered", "life-grant-expired"];
    /// Presents its grant for a second access token, and once more when that is refused.
    ExpiredGrantPresentedAgain "expired-grant-presented-again" F51 ["jb-not-expired"];
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
    /// Sends the access token in a cookie beside the header.
    TokenInCookieToo "token-in-cookie-too" ["res-one-method"];
    /// Repeats a request to the MCP server, token and all, where a redirect says.
    FollowsRedirectWithToken "follows-redirect-with-token" ["res-redirect-token"];
    /// Repeats the bare request eight times after a 401 without a Bearer challenge.
    RepeatsBareRequest "repeats-bare-request" ["res-401-bare"];
    /// Gives up when a token that was good is refused.
    GivesUpOn401 "gives-up-on-401" F49 ["res-401-refetch", "life-access-expiry"];
    /// Starts a new flow on every 401, up to eight times.
    LoopsOn401 "loops-on-401" F48 ["res-401-bounded"];
    /// Gives up when the scope does not suffice.
    ReportsInsufficientScope "reports-insufficient-scope" ["res-403-step-up"];
    /// Asks for nothing but the missing scope when the scope does not suffice.
    StepUpDropsScopes "step-up-drops-scopes" ["res-403-scope-union"];
    /// Asks for the scope `undefined` too when the scope does not suffice and none is named.
    UndefinedScopeOnStepUp "undefined-scope-on-step-up" ["res-403-no-scope-named"];
    /// Asks for more scope, up to eight times, whenever the scope does not suffice.
    LoopsOn403 "loops-on-403" ["res-403-bounded"];
    /// Fetches a new token, once, on a 403 for whatever reason.
    ExchangesOnAny403 "exchanges-on-any-403" F47 ["res-403-other"];

    // Tokens that are kept.

    /// Fetches a grant before every request, and throws it away.
    ExchangesIdly "exchanges-idly" ["tx-not-repeated-idly"];
    /// Fetches a token for every request when the server does not say how long it is good for.
    ExchangesForEveryRequest "exchanges-for-every-request" F50 ["life-token-reused"];
    /// Sends the access token of one MCP server to every other.
    OneTokenForAllResources "one-token-for-all-resources" F39 ["multi-token-per-resource"];
    /// Goes on with the access token of another user.
    TokenKeptAcrossUsers "token-kept-across-users" ["life-user-change"];

    // Answers of the token endpoints that are not taken.

    /// Refuses an exchange answer whose `token_type` is not Bearer.
    BearerRequiredOfExchange "bearer-required-of-exchange" F19 ["txr-accept", "txr-na-accepted"];
    /// Knows `token_type` only as `N_A` from the IdP, and only as `Bearer` from the resource authorization server.
    TokenTypeComparedWithCase "token-type-compared-with-case" F18 ["txr-na-accepted", "jbr-token-type-case"];
    /// Refuses a token answer whose `expires_in` is no number, or is not there.
    LifetimeMustBeNumber "lifetime-must-be-number" F20 ["txr-expires-odd", "jbr-expires"];
    /// Refuses an exchange answer that does not say what scope it is for.
    ScopeRequiredOfExchange "scope-required-of-exchange" ["txr-scope-absent"];
    /// Refuses a token answer in which a member is null.
    NullsInAnswerRefused "nulls-in-answer-refused" F55 ["http-unknown-members", "txr-scope-absent"];
    /// Refuses a token answer with a member it does not know.
    UnknownTokenMembersRefused "unknown-token-members-refused" ["http-unknown-members"];
    /// Refuses an exchange answer that has no more than the members that RFC 8693 requires.
    MinimalExchangeAnswerRefused "minimal-exchange-answer-refused" ["txr-no-id-token-needed"];
    /// Refuses an ID-JAG that is no signed JWT.
    GrantMustHaveThreeParts "grant-must-have-three-parts" F21 ["txr-opaque"];
    /// Refuses an ID-JAG whose `aud` is an array.
    GrantAudienceMustBeText "grant-audience-must-be-text" F21 ["txr-opaque"];
    /// Refuses an access token that is no JWT.
    AccessTokenMustBeJwt "access-token-must-be-jwt" ["jbr-opaque"];
    /// Refuses an access token whose `exp` is past.
    AccessTokenClaimsRead "access-token-claims-read" ["jbr-opaque"];
    /// Keeps the first 4096 characters of a token.
    TokensCutAt4096 "tokens-cut-at-4096" ["http-large-value"];
    /// Refuses a token answer whose content type is not exactly `application/json`.
    ContentTypeComparedExactly "content-type-compared-exactly" ["http-content-type"];

    // Answers of the token endpoints that are wrongly taken.

    /// Presents whatever the IdP issued as an ID-JAG.
    IssuedTokenTypeIgnored "issued-token-type-ignored" F17 ["txr-issued-type"];
    /// Takes any 200 without an error for a success, and presents `undefined` where it holds no token.
    MissingTokenPresented "missing-token-presented" ["txr-no-token", "jbr-no-token", "http-not-json", "http-not-object"];
    /// Takes a 200 for a success although it holds an `error`, and presents `undefined`.
    ErrorInSuccessIgnored "error-in-success-ignored" F32 ["txe-error-in-200", "jbr-no-token"];
    /// Sends an access token of any type as a Bearer token.
    UnknownTokenTypeAsBearer "unknown-token-type-as-bearer" F38 ["jbr-token-type-unknown"];
    /// Presents the ID-JAG to the server that its `aud` names.
    FollowsGrantAudience "follows-grant-audience" ["txr-foreign-audience"];
    /// Asks the resource authorization server for the scope that it wanted, whatever scope the IdP granted.
    NarrowedScopeIgnored "narrowed-scope-ignored" F46 ["txr-scope-narrowed"];
    /// Walks both legs over and over while the access token has less scope than it wanted.
    NarrowedScopeAskedAgain "narrowed-scope-asked-again" F46 ["jbr-scope-narrowed"];
    /// Sends a refresh token of the IdP to the resource authorization server, and one of that to the MCP server.
    RefreshTokenShownAround "refresh-token-shown-around" ["txr-refresh-ignored", "jbr-refresh-token"];

    // Refusals by the token endpoints.

    /// Reports a refusal without its error code and its status.
    ErrorCodeLost "error-code-lost" F34 ["txe-reported", "jbe-reported", "txe-unknown-code", "jbe-unknown-code", "txe-step-up"];
    /// Fails on an error code that RFC 6749 does not define, and reports no code.
    FixedErrorCodes "fixed-error-codes" F33 ["txe-reported", "jbe-reported", "txe-unknown-code", "jbe-unknown-code", "txe-step-up"];
    /// Reports a refusal by a token endpoint as a success.
    RefusalReportedAsSuccess "refusal-reported-as-success" ["txe-reported", "jbe-reported"];
    /// Reports every refusal as one by the resource authorization server, or by the IdP where it was that.
    WrongStepReported "wrong-step-reported" ["flow-failing-step-named"];
    /// Reports a bare parse error where a refusal is no OAuth error.
    UnreadableBodyLost "unreadable-body-lost" F35 ["txe-odd-body", "jbe-odd-body"];
    /// Does not read a refusal whose `error_description` or `error_uri` is no text, and reports neither code nor status.
    DescriptionMustBeText "description-must-be-text" ["txe-odd-body", "jbe-odd-body"];
    /// Does not read a refusal whose `max_age` is no number, and reports neither code nor status.
    MaxAgeMustBeNumber "max-age-must-be-number" ["txe-step-up-types"];
    /// Sends the same subject token once more after `insufficient_user_authentication`.
    StepUpExchangeRepeated "step-up-exchange-repeated" F36 ["txe-step-up"];
    /// Sends a refused token request twice more, unchanged.
    RepeatsRefusedRequest "repeats-refused-request" ["txe-invalid-request", "txe-invalid-grant", "txe-unauthorized-client", "txe-unsupported-grant-type", "txe-invalid-scope", "txe-invalid-target", "txe-access-denied", "jbe-invalid-request", "jbe-invalid-grant", "jbe-unauthorized-client", "jbe-unsupported-grant-type", "jbe-invalid-scope", "jbe-invalid-target", "jbe-access-denied"];
    /// Repeats the exchange without `resource` after `invalid_target`.
    ResourceDroppedAfterInvalidTarget "resource-dropped-after-invalid-target" ["txe-invalid-target"];
    /// Tries the secret of its other registration after `invalid_client`.
    OtherSecretAfterInvalidClient "other-secret-after-invalid-client" ["txe-invalid-client", "jbe-invalid-client"];
    /// Asks for protected resource metadata that a 401 of the IdP names.
    DiscoveryAfter401OfIdp "discovery-after-401-of-idp" ["txe-401-no-discovery"];
    /// Opens the authorization endpoint after a refusal by policy.
    CodeFlowAfterDenial "code-flow-after-denial" F60 ["flow-no-fallback-on-denial"];
    /// Prints the error description as it came.
    DescriptionPrintedRaw "description-printed-raw" ["txe-text-untrusted"];
    /// Gets the page that `error_uri` names.
    ErrorUriFetched "error-uri-fetched" ["txe-text-untrusted"];
    /// Prints what the resource authorization server says, the assertion in it included.
    ServerTextEchoed "server-text-echoed" ["jbe-echo-not-logged"];

    // Failures of the servers and of the network.

    /// Repeats a token request three times, without a pause, after a server error.
    ServerErrorRepeatedAtOnce "server-error-repeated-at-once" ["http-5xx"];
    /// Repeats a token request once, without a pause, whatever `Retry-After` says.
    RetryAfterIgnored "retry-after-ignored" ["http-429"];
    /// Repeats a token request as long as the server fails.
    RepeatsForEver "repeats-for-ever" ["http-retry-bounded"];
    /// Repeats a token request three times after a broken connection.
    BrokenConnectionRepeated "broken-connection-repeated" ["http-reset"];
    /// Waits for an answer as long as it takes.
    NoTimeLimit "no-time-limit" F56 ["http-slow"];
    /// Reads an answer of a token endpoint whatever its size.
    NoSizeLimit "no-size-limit" F57 ["http-oversize"];
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
