//! Headings, relative links and anchors, and the index.

use super::{Page, pages_in_docs, root};

#[test]
fn every_page_has_one_heading_of_the_first_rank() {
    for page in Page::all() {
        let prose = page.prose();
        let titles: Vec<_> = prose.lines().filter(|line| line.starts_with("# ")).collect();
        assert_eq!(titles.len(), 1, "{}: {titles:?}", page.name);
        assert!(page.text.starts_with("# "), "{} begins with something else", page.name);
    }
}

#[test]
fn every_page_of_docs_is_in_the_index_of_the_readme() {
    let readme = Page::read("README.md").text;
    for name in pages_in_docs() {
        assert!(readme.contains(&format!("]({name})")), "README.md has no link to {name}");
    }
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut wrong = Vec::new();
    let others =
        ["CHANGELOG.md", "clients/go/README.md", "clients/python/README.md", "clients/rust/README.md"];
    let others = others.into_iter().chain(["clients/typescript/README.md"]).map(Page::read);
    for page in Page::all().into_iter().chain(others) {
        let prose = page.prose();
        for target in links(&prose) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = page.name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let name = if path.is_empty() { page.name.clone() } else { below(folder, path) };
            if !root().join(&name).exists() {
                wrong.push(format!("{}: {target}: there is no {name}", page.name));
            } else if !anchor.is_empty() && !anchors(&Page::read(&name)).iter().any(|known| known == anchor) {
                wrong.push(format!("{}: {target}: {name} has no such heading", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The targets of the inline links in `text`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// A path that begins in `folder`, without its `..`.
fn below(folder: &str, path: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchors that a forge gives to the headings of a page.
fn anchors(page: &Page) -> Vec<String> {
    let prose = page.prose();
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let mut anchors: Vec<String> = Vec::new();
    for heading in headings.map(|line| line.trim_start_matches('#').trim()) {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
        // The second of the same name has a number.
        let same = anchors.iter().filter(|known| **known == anchor).count();
        anchors.push(if same == 0 { anchor } else { format!("{anchor}-{same}") });
    }
    anchors
}
