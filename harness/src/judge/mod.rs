//! Reads transcripts against the requirements.
