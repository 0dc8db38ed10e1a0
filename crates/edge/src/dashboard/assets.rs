//! The stylesheet, the script and the icon: inside the program, under names that change with what is in them, so that
//! browsers may keep them for good.

use crate::App;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use std::sync::LazyLock;

/// One file.
pub(crate) struct Asset {
    name: &'static str,
    extension: &'static str,
    media_type: &'static str,
    text: &'static str,
    address: LazyLock<String>,
}

macro_rules! asset {
    ($asset:ident, $name:literal, $extension:literal, $media_type:literal) => {
        pub(crate) static $asset: Asset = Asset {
            name: $name,
            extension: $extension,
            media_type: $media_type,
            text: include_str!(concat!("assets/", $name, ".", $extension)),
            address: LazyLock::new(|| hashed_address($asset.name, $asset.extension, $asset.text)),
        };
    };
}

asset!(STYLE, "stocktide", "css", "text/css; charset=utf-8");
asset!(SCRIPT, "stocktide", "js", "text/javascript; charset=utf-8");
asset!(ICON, "icon", "svg", "image/svg+xml");
asset!(SCAN_STYLE, "scan/scan", "css", "text/css; charset=utf-8");
asset!(SCAN_MANIFEST, "scan/scan", "webmanifest", "application/manifest+json");
asset!(SCAN_WORKER, "scan/worker", "js", "text/javascript; charset=utf-8");

/// The parts of the handheld page's script, in the order in which they need each other.
pub(crate) static SCAN_SCRIPT: Asset = Asset {
    name: "scan",
    extension: "js",
    media_type: "text/javascript; charset=utf-8",
    text: concat!(
        include_str!("assets/scan/codes.js"),
        include_str!("assets/scan/queue.js"),
        include_str!("assets/scan/known.js"),
        include_str!("assets/scan/signals.js"),
        include_str!("assets/scan/camera.js"),
        include_str!("assets/scan/recent.js"),
        include_str!("assets/scan/scan.js"),
    ),
    address: LazyLock::new(|| hashed_address(SCAN_SCRIPT.name, SCAN_SCRIPT.extension, SCAN_SCRIPT.text)),
};

/// What every page loads.
pub(crate) static COMMON: [&Asset; 3] = [&STYLE, &SCRIPT, &ICON];
/// What is served under its hashed address.
static SERVED: [&Asset; 6] = [&STYLE, &SCRIPT, &ICON, &SCAN_STYLE, &SCAN_SCRIPT, &SCAN_MANIFEST];

impl Asset {
    /// Where it is served.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What is in it.
    pub(crate) const fn text(&self) -> &'static str {
        self.text
    }

    /// The element of a page's head that loads it.
    pub(crate) fn element(&self) -> Markup {
        match self.extension {
            "css" => html! { link rel="stylesheet" href=(self.address()); },
            "js" => html! { script src=(self.address()) defer {} },
            "webmanifest" => html! { link rel="manifest" href=(self.address()); },
            _ => html! { link rel="icon" href=(self.address()) type=(self.media_type); },
        }
    }

    fn response(&self, caching: &'static str) -> Response {
        ([(CONTENT_TYPE, self.media_type), (CACHE_CONTROL, caching)], self.text).into_response()
    }
}

fn hashed_address(name: &str, extension: &str, text: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("/assets/{name}-{}.{extension}", &hash[..12])
}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/assets/{file}", get(serve))
        .route("/favicon.ico", get(async || ICON.response("public, max-age=86400")))
}

async fn serve(Path(file): Path<String>) -> Response {
    let is_asked = |asset: &&&Asset| asset.address().strip_prefix("/assets/") == Some(file.as_str());
    match SERVED.iter().find(is_asked) {
        Some(asset) => asset.response("public, max-age=31536000, immutable"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_with_what_is_in_the_files() {
        let [first, other] = ["a { }", "b { }"].map(|text| hashed_address("stocktide", "css", text));
        assert_ne!(first, other);
        assert_eq!(first, hashed_address("stocktide", "css", "a { }"));
        assert!(STYLE.address().starts_with("/assets/stocktide-") && STYLE.address().ends_with(".css"));
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for asset in SERVED {
            let text = asset.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("//") || asset.extension == "js", "{}", asset.name);
            assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("@import"), "{}", asset.name);
        }
    }
}
