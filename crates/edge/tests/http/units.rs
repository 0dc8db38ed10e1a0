//! Handling units, from their events to what is shown of them.

use crate::support::Server;
use serde_json::json;

#[tokio::test]
async fn a_pallet_is_packed_moved_and_shown_with_all_that_is_in_it() {
    let server = Server::start().await;
    let at = r#""timestamp": "2026-02-16T10:00:00Z""#;
    let say = async |event: &str| server.event(&format!("{event}, {at}")).await;
    say(r#""event": "item_added", "product_id": "A", "location": "v/dock", "quantity": 10, "id": "1""#).await;
    say(r#""event": "unit_packed", "handling_unit": "case/1", "product_id": "A", "quantity": 6, "location": "v/dock", "id": "2""#).await;
    say(r#""event": "unit_packed", "handling_unit": "pallet", "units": ["case/1"], "location": "v/dock", "id": "3""#)
        .await;
    say(r#""event": "item_moved", "handling_unit": "pallet", "to": "w/aisle", "id": "4""#).await;
    assert_eq!(server.shown("/v1/stock/A/w").await["on_hand_quantity"], 6);
    let pallet = server.shown("/v1/handling-units/pallet").await;
    assert_eq!((&pallet["place"], &pallet["location"]), (&json!("on_hand"), &json!("w/aisle")));
    assert_eq!(pallet["units"][0]["handling_unit"], "case/1");
    assert_eq!(pallet["units"][0]["lines"][0]["quantity"], 6);
    let case = server.shown("/v1/handling-units/case%2F1").await;
    assert_eq!((&case["parent"], &case["location"]), (&json!("pallet"), &json!("w/aisle")));
    let page = server.shown("/v1/handling-units?location=w&limit=1").await;
    assert_eq!(page["items"][0]["handling_unit"], "case/1");
    let next = format!("/v1/handling-units?location=w&limit=1&cursor={}", page["next"].as_str().unwrap());
    assert_eq!(server.shown(&next).await["items"][0]["handling_unit"], "pallet");
    let outermost = server.shown("/v1/handling-units?outermost=true").await;
    assert_eq!(outermost["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/v1/handling-units/none").await.status, 404);
    server.stop().await;
}
