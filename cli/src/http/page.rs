//! The status page: embedded, so that the relay needs no files beside it, and compressed once.

use std::io::Write;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Nothing comes from elsewhere, and nothing is run that is not in these files.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// One of the page's files.
#[derive(Clone, Debug)]
pub(super) struct PageFile {
    media: &'static str,
    plain: &'static str,
    gzip: Arc<[u8]>,
}

impl PageFile {
    /// All of them, with their addresses.
    pub(super) fn all() -> [(&'static str, Self); 5] {
        const JS: &str = "text/javascript; charset=utf-8";
        [
            ("/", Self::new("text/html; charset=utf-8", include_str!("page/index.html"))),
            ("/page.css", Self::new("text/css; charset=utf-8", include_str!("page/page.css"))),
            ("/page.js", Self::new(JS, include_str!("page/page.js"))),
            ("/draw.js", Self::new(JS, include_str!("page/draw.js"))),
            ("/control.js", Self::new(JS, include_str!("page/control.js"))),
        ]
    }

    fn new(media: &'static str, plain: &'static str) -> Self {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail; if it did, nothing would be served compressed.
        let gzip = gzip.write_all(plain.as_bytes()).and_then(|()| gzip.finish());
        Self { media, plain, gzip: gzip.unwrap_or_default().into() }
    }

    /// The file for a client that asks with these headers.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        let encodings = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let takes_gzip = encodings.is_some_and(|encodings| {
            encodings.split(',').any(|one| one.trim().split(';').next() == Some("gzip"))
        });
        let head = [(header::CONTENT_TYPE, self.media), (header::CONTENT_SECURITY_POLICY, POLICY)];
        if takes_gzip && !self.gzip.is_empty() {
            let gzip = [(header::CONTENT_ENCODING, "gzip")];
            return (head, gzip, self.gzip.to_vec()).into_response();
        }
        (head, self.plain).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_weighs_little_and_needs_nothing_from_elsewhere() {
        let files = PageFile::all().map(|(_, file)| file);
        let compressed: usize = files.iter().map(|file| file.gzip.len()).sum();
        assert!(compressed < 100_000, "{compressed} bytes");
        for file in &files {
            let names = ["http://", "https://", "//cdn", "@import"];
            // The name space of SVG is a name, not an address.
            let text = file.plain.replace("http://www.w3.org/2000/svg", "");
            assert!(names.iter().all(|name| !text.contains(name)), "{}", file.media);
        }
    }
}
