use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use ring::digest::{SHA256, digest};

use super::respond;
use crate::server::Answer;

const PAGE: &str = include_str!("page.html");

/// Nothing but the page's own script and style, which are named by their digests, and nothing from elsewhere.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let (script, style) = (digest_of("script"), digest_of("style"));
    format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

pub(super) fn answer() -> Answer {
    let mut answer = respond(StatusCode::OK, "text/html; charset=utf-8", PAGE);
    let headers = answer.headers_mut();
    // Digests are printable.
    headers.extend(HeaderValue::from_str(&POLICY).map(|policy| (CONTENT_SECURITY_POLICY, policy)));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}

/// Of what stands between an element's tags.
fn digest_of(element: &str) -> String {
    let inside = PAGE
        .split_once(&format!("<{element}>"))
        .and_then(|(_, rest)| rest.split_once(&format!("</{element}>")));
    STANDARD.encode(digest(&SHA256, inside.map_or("", |(inside, _)| inside).as_bytes()))
}
