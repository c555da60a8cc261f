//! The mock IdP authorization server: metadata, JWKS and token exchange.
//!
//! It keeps the documents' rules, bent where the script says so, and forms no verdict about the client.

mod grant;
mod metadata;
mod official_suite;
mod router;
mod subject_token;
mod token_exchange;

pub use router::router;
