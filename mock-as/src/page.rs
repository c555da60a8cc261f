//! Documents that a script puts at a path, before anything else that is served.

use axum::response::Response;

use crosscheck_scenarios::{Page, Step};
use crosscheck_wire::endpoint::by_form;
use crosscheck_wire::{Answer, Stage};

/// The first page at `path`.
pub(crate) fn at<'a>(pages: &'a [Page], path: &str) -> Option<&'a Page> {
    pages.iter().find(|page| page.path == path)
}

/// What every request is answered there.
pub(crate) async fn send(stage: &Stage, page: &Page) -> Response {
    let step = Step { reply: Some(page.reply.clone()), ..Step::default() };
    Answer::status(200).send(stage, by_form(&page.path), &step).await
}
