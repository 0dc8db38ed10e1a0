//! The document of the interface: as committed, and of every route there is. `BLESS=1` rewrites it.

use crate::support::Server;
use std::path::Path;

#[tokio::test]
async fn the_document_is_the_committed_one() {
    let server = Server::start().await;
    let document = server.shown("/openapi.json").await;
    let pretty = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &pretty).unwrap();
    }
    let committed = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(committed == pretty, "docs/openapi.json is not what is served; look at the difference after BLESS=1");
    server.stop().await;
}

#[tokio::test]
async fn every_route_is_in_the_document_and_the_other_way_round() {
    let server = Server::start().await;
    let document = server.shown("/openapi.json").await;
    let mut documented: Vec<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let mut routed = Vec::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    for file in std::fs::read_dir(sources).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let quoted = text.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        // Pages' forms are no part of the interface.
        routed.extend(quoted.filter(|path| !path.starts_with("/sign-")));
    }
    documented.sort();
    routed.sort();
    assert_eq!(routed, documented);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(
                operation["summary"].is_string() || operation["description"].is_string(),
                "{method} {path} says nothing"
            );
        }
    }
    server.stop().await;
}
