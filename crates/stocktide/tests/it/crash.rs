//! The machine loses power under load: what was acknowledged is there once, whenever it happens.

use crate::support::{Connection, Server, added};
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};

const SENDERS: usize = 4;

/// What one sender knows when the server is gone.
struct Sent {
    acknowledged: Vec<String>,
    /// Sent and never answered: there or not, nobody knows.
    unanswered: Option<String>,
}

#[test]
fn what_was_acknowledged_before_a_crash_is_there_once_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut all: Vec<String> = Vec::new();
    for (round, crash_after) in [1, 40, 150, 400].into_iter().enumerate() {
        let server = Server::start(directory.path());
        let address = server.address;
        let (heard, acknowledged) = channel();
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let heard = heard.clone();
                std::thread::spawn(move || send_until_it_dies(address, &format!("{round}-{sender}"), &heard))
            })
            .collect();
        assert_eq!(acknowledged.iter().take(crash_after).count(), crash_after);
        server.kill();
        let sent: Vec<Sent> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();

        let server = Server::start(directory.path());
        let unanswered = sent.iter().filter_map(|sent| sent.unanswered.clone());
        let answered: Vec<&String> = all.iter().chain(sent.iter().flat_map(|sent| &sent.acknowledged)).collect();
        let on_hand = usize::try_from(server.on_hand("SKU123", "warehouse_A")).unwrap();
        assert!((answered.len()..=answered.len() + SENDERS).contains(&on_hand), "{on_hand} of {}", answered.len());
        let mut connection = server.connect();
        let mut again = |id: &str| connection.call("POST", "/v1/events", &[], &added("SKU123", id)).unwrap().status;
        for id in &answered {
            assert_eq!(again(id), 200, "{id} was acknowledged and is not known");
        }
        let mut known: Vec<String> = answered.into_iter().cloned().collect();
        for id in unanswered {
            assert!(matches!(again(&id), 200 | 201));
            known.push(id);
        }
        all = known;
        assert_eq!(usize::try_from(server.on_hand("SKU123", "warehouse_A")).unwrap(), all.len(), "each is there once");
        if round % 2 == 0 {
            server.kill();
        } else {
            assert_eq!(server.terminate().code(), Some(0));
        }
    }
    crate::support::run(["verify", "--data", directory.path().to_str().unwrap()]).ended_with(0);
}

fn send_until_it_dies(address: SocketAddr, name: &str, heard: &Sender<()>) -> Sent {
    let mut sent = Sent { acknowledged: Vec::new(), unanswered: None };
    let Ok(mut connection) = Connection::open(address) else { return sent };
    for number in 0.. {
        let id = format!("{name}-{number}");
        match connection.call("POST", "/v1/events", &[], &added("SKU123", &id)) {
            Ok(answer) => {
                assert_eq!(answer.status, 201, "{}", answer.body);
                sent.acknowledged.push(id);
                let _ = heard.send(());
            }
            Err(_) => {
                sent.unanswered = Some(id);
                break;
            }
        }
    }
    sent
}
