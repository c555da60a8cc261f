//! The mock IdP authorization server: metadata, JWKS and token exchange.
