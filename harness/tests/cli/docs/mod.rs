//! What README.md and `docs/` say is so: their commands do what they show, their links lead somewhere, and what they name
//! is there.

mod figures;
mod generated;
mod links;
mod names;
mod page;
#[cfg(unix)]
mod played;

use page::{Page, pages_in_docs, root, scenarios};
