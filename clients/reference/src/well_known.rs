//! Builds the well-known URLs of metadata documents, in the order in which they are tried.
//!
//! RFC 9728 section 3.1, RFC 8414 sections 3.1 and 5, OpenID Connect Discovery section 4.1, and the discovery
//! pages of MCP 2026-07-28.

use url::Url;

use crate::behaviour::Behaviour;
use crate::{Control, Fault};

const OAUTH: &str = "oauth-authorization-server";
const OPENID: &str = "openid-configuration";
const PROTECTED_RESOURCE: &str = "oauth-protected-resource";

/// Where the metadata of the resource at `endpoint` may be: with its path inserted, then at the root.
pub(crate) fn protected_resource(endpoint: &Url, behaviour: &Behaviour) -> Vec<Url> {
    let mut root = inserted(endpoint, PROTECTED_RESOURCE, "");
    root.set_query(None);
    let root_only = behaviour.has(Fault::IgnoresChallengeUrl) || behaviour.has(Fault::RootMetadataOnly);
    if endpoint.path() == "/" || root_only {
        return vec![root];
    }
    let mut candidates = vec![inserted(endpoint, PROTECTED_RESOURCE, endpoint.path())];
    if !behaviour.has(Fault::InsertedMetadataOnly) {
        candidates.push(root);
    }
    candidates
}

/// Where the metadata of the authorization server `issuer` may be.
pub(crate) fn authorization_server(issuer: &Url, behaviour: &Behaviour) -> Vec<Url> {
    let path = match issuer.path() {
        path if behaviour.has(Fault::IssuerSlashKeptInWellKnown) => path,
        path => without_final_slash(path),
    };
    let oauth = match path {
        "" | "/" => inserted(issuer, OAUTH, path),
        _ if behaviour.has(Fault::WellKnownAppended) => appended(issuer, OAUTH),
        _ => inserted(issuer, OAUTH, path),
    };
    let mut candidates = vec![oauth];
    if !behaviour.has(Fault::OauthMetadataOnly) {
        candidates.push(inserted(issuer, OPENID, path));
        if !matches!(path, "" | "/") {
            candidates.push(appended(issuer, OPENID));
        }
    }
    if path.is_empty() && behaviour.varies(Control::OpenidMetadataFirst) {
        candidates.reverse();
    }
    candidates
}

/// Where the metadata of the IdP `issuer` may be: OpenID first, since it signs users on.
pub(crate) fn identity_provider(issuer: &Url) -> Vec<Url> {
    vec![appended(issuer, OPENID), inserted(issuer, OAUTH, without_final_slash(issuer.path()))]
}

fn inserted(base: &Url, kind: &str, path: &str) -> Url {
    at(base, &format!("/.well-known/{kind}{path}"))
}

fn appended(base: &Url, kind: &str) -> Url {
    at(base, &format!("{}/.well-known/{kind}", without_final_slash(base.path())))
}

fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(path);
    url.set_fragment(None);
    url
}

fn without_final_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(issuer: &str, faults: &[Fault], controls: &[Control]) -> Vec<String> {
        let behaviour = Behaviour { faults: faults.to_vec(), controls: controls.to_vec() };
        let issuer = Url::parse(issuer).unwrap();
        authorization_server(&issuer, &behaviour).iter().map(|url| url.path().to_owned()).collect()
    }

    const ROOT: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];
    const TENANT: [&str; 3] = [
        "/.well-known/oauth-authorization-server/t1",
        "/.well-known/openid-configuration/t1",
        "/t1/.well-known/openid-configuration",
    ];

    #[test]
    fn an_issuer_without_a_path_has_two_candidates() {
        assert_eq!(paths("http://as", &[], &[]), ROOT);
        assert_eq!(paths("http://as/", &[], &[]), ROOT);
        let openid_first = paths("http://as", &[], &[Control::OpenidMetadataFirst]);
        assert_eq!(openid_first, [ROOT[1], ROOT[0]]);
    }

    #[test]
    fn an_issuer_with_a_path_has_three_and_its_final_slash_is_dropped() {
        assert_eq!(paths("http://as/t1", &[], &[]), TENANT);
        assert_eq!(paths("http://as/t1/", &[], &[]), TENANT);
    }

    #[test]
    fn the_faults_change_only_what_they_name() {
        let appended = paths("http://as/t1", &[Fault::WellKnownAppended], &[]);
        assert_eq!(appended, ["/t1/.well-known/oauth-authorization-server", TENANT[1], TENANT[2]]);
        assert_eq!(paths("http://as", &[Fault::WellKnownAppended], &[]), ROOT);
        let kept = paths("http://as/t1/", &[Fault::IssuerSlashKeptInWellKnown], &[]);
        assert_eq!(kept[0], "/.well-known/oauth-authorization-server/t1/");
        assert_eq!(paths("http://as/t1", &[Fault::OauthMetadataOnly], &[]), TENANT[..1]);
    }

    #[test]
    fn the_path_and_query_of_the_resource_are_inserted_before_the_root_is_tried() {
        let urls = |endpoint| {
            let endpoint = Url::parse(endpoint).unwrap();
            protected_resource(&endpoint, &Behaviour::default())
                .iter()
                .map(Url::to_string)
                .collect::<Vec<_>>()
        };
        let root = "http://rs/.well-known/oauth-protected-resource";
        assert_eq!(urls("http://rs/mcp?a=1"), [&format!("{root}/mcp?a=1"), root]);
        assert_eq!(urls("http://rs"), [root]);
    }

    #[test]
    fn the_idp_is_asked_for_openid_metadata_first() {
        let issuer = Url::parse("http://idp/t1/").unwrap();
        let paths: Vec<_> = identity_provider(&issuer).iter().map(|url| url.path().to_owned()).collect();
        assert_eq!(
            paths,
            ["/t1/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/t1"]
        );
    }
}
