//! The handheld page from outside: its form without a script, and what its script is served with.

use crate::support::{Answer, SECOND, Server, Setup};
use edge::Auth;
use hyper::StatusCode;

const FORM: &str = "application/x-www-form-urlencoded";

/// Where an answer leads, which must be somewhere else.
fn place(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    answer.header("location")
}

#[tokio::test]
async fn a_form_sent_twice_counts_once_even_a_minute_later() {
    let server = Server::start().await;
    let body = "task=receive&id=form-1&location=A%2Fdock&product=SKU1&quantity=2";
    let first = server.post_as("/scan", FORM, body).await;
    assert_eq!(place(&first), "/scan?task=receive&location=A%2Fdock&said=recorded&position=1");
    server.set_clock(60 * SECOND);
    let second = server.post_as("/scan", FORM, body).await;
    assert_eq!(place(&second), "/scan?task=receive&location=A%2Fdock&said=before&position=1");
    assert_eq!(server.shown("/v1/stock/SKU1/A").await["on_hand_quantity"], 2);
    let shown = server.get(place(&second)).await.text();
    assert!(shown.contains("recorded before") && shown.contains("value=\"A/dock\""), "{shown}");
    server.stop().await;
}

#[tokio::test]
async fn what_a_form_recorded_can_be_undone_and_only_once() {
    let server = Server::start().await;
    server.post_as("/scan", FORM, "task=pick&location=A&product=SKU1&quantity=2").await;
    // Behind the pick stands the alert that more left than was there.
    for _ in 0..2 {
        let undone = server.post_as("/scan/undo", FORM, "position=1").await;
        assert_eq!(place(&undone), "/scan?task=receive&said=undone&position=3");
    }
    assert_eq!(server.shown("/v1/stock/SKU1/A").await["on_hand_quantity"], 0);
    let missing = server.post_as("/scan/undo", FORM, "position=9").await;
    assert_eq!(missing.status, StatusCode::CONFLICT);
    assert!(missing.text().contains("there is no entry at position 9"), "{}", missing.text());
    server.stop().await;
}

#[tokio::test]
async fn a_form_that_cannot_be_used_comes_back_with_all_that_is_wrong() {
    let server = Server::start().await;
    let answer = server.post_as("/scan", FORM, "task=move&id=form-1&location=A&quantity=x&lot=%3Cb%3E").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let html = answer.text();
    for piece in ["product_id", "to is missing", "'x'", "&lt;b&gt;", "value=\"move\" checked"] {
        assert!(html.contains(piece), "{piece} in {html}");
    }
    assert!(!html.contains("value=\"form-1\""), "nothing was recorded under the id, and what is sent next may differ");
    server.stop().await;
}

#[tokio::test]
async fn looking_up_leads_to_where_the_stock_is_shown() {
    let server = Server::start().await;
    let to = async |body: &str| place(&server.post_as("/scan", FORM, body.to_owned()).await).to_owned();
    assert_eq!(to("task=look_up&product=a%2Fb").await, "/products/a%2Fb");
    assert_eq!(to("task=look_up&location=A%2Fbin").await, "/?q=A%2Fbin");
    server.stop().await;
}

#[tokio::test]
async fn the_worker_may_serve_the_page_and_is_asked_for_anew() {
    let server = Server::start().await;
    let worker = server.get("/scan/worker.js").await;
    assert_eq!(worker.header("service-worker-allowed"), "/scan");
    assert_eq!(worker.header("cache-control"), "no-cache");
    let text = worker.text();
    let (_, rest) = text.split_once("const ASSETS = ").unwrap();
    let assets: Vec<String> = serde_json::from_str(rest.split_once(";\n").unwrap().0).unwrap();
    let shell = server.get("/scan/shell").await.text();
    for asset in &assets {
        assert!(shell.contains(asset.as_str()), "{asset} is loaded by the page");
        let answer = server.get(asset).await;
        assert!(answer.header("cache-control").ends_with("immutable"), "{asset}");
    }
    assert_eq!(shell, server.get("/scan/shell").await.text(), "nothing on it changes");
    server.stop().await;
}

#[tokio::test]
async fn strangers_and_other_sites_are_kept_out() {
    let server = Server::with(Setup { auth: Auth::token("ann", "secret"), ..Setup::default() }).await;
    let body = "task=receive&location=A&product=SKU1&quantity=2";
    assert_eq!(server.post_as("/scan", FORM, body).await.status, StatusCode::UNAUTHORIZED);
    let cookie = Auth::token("ann", "secret").sign_in("secret").unwrap();
    let foreign = server.request("POST", "/scan").header("content-type", FORM).header("cookie", cookie);
    let foreign = foreign.header("sec-fetch-site", "cross-site").body(body.into()).unwrap();
    assert_eq!(server.send(foreign).await.status, StatusCode::FORBIDDEN);
    server.stop().await;
}
